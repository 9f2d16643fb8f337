#include "layers/input_rows.h"

#include <algorithm>

namespace edgebnn {

ptrdiff_t input_position(const Window& w, size_t position, size_t tap) {
  const ptrdiff_t y =
      static_cast<ptrdiff_t>(position / w.out.width * w.stride + tap / w.width) - w.pad_top;
  const ptrdiff_t x =
      static_cast<ptrdiff_t>(position % w.out.width * w.stride + tap % w.width) - w.pad_left;
  if (y < 0 || x < 0 || y >= w.in.height || x >= w.in.width) return -1;
  return y * w.in.width + x;
}

void InputRows::integers(size_t row, size_t first, size_t lanes, int16_t* out) const {
  const Window& w = block_.window;
  const size_t sample = row / w.out.positions(), position = row % w.out.positions();
  const auto channels = static_cast<size_t>(w.in.channels);
  const uint8_t* image = input_.images + sample * w.in.size();
  const size_t end = std::min(first + lanes, block_.fan_in());
  std::fill(out, out + lanes, int16_t{0});
  for (size_t i = first; i < end;) {
    // Runs of inputs that lie side by side in the image: a tap's channels, or all of a dense layer.
    const size_t tap = i / channels, channel = i % channels;
    const ptrdiff_t from = input_position(w, position, tap);
    const size_t run = std::min(w.whole() ? end - i : channels - channel, end - i);
    if (from >= 0) {
      const uint8_t* pixels = image + static_cast<size_t>(from) * channels + channel;
      for (size_t k = 0; k < run; ++k)
        out[i - first + k] = static_cast<int16_t>(2 * pixels[k] - 255);
    }
    i += run;
  }
}

void InputRows::words(size_t row, size_t first, size_t count, uint64_t* out) const {
  const Window& w = block_.window;
  // Divisions of 32 bits are several times quicker, and there are many.
  const auto small_row = static_cast<uint32_t>(row), small_first = static_cast<uint32_t>(first);
  const auto positions = static_cast<uint32_t>(w.out.positions());
  const auto per_tap = static_cast<uint32_t>(lanes_.words_per_group);
  const int position = static_cast<int>(small_row % positions);
  const int tap = static_cast<int>(small_first / per_tap);
  const uint64_t* map = input_.bits + small_row / positions * w.in.positions() * per_tap;
  const int top = position / w.out.width * w.stride - w.pad_top;
  const int left = position % w.out.width * w.stride - w.pad_left;
  int ky = tap / w.width, kx = tap % w.width;
  for (size_t within = small_first % per_tap; count > 0; within = 0) {
    const size_t run = std::min(count, per_tap - within);
    const int y = top + ky, x = left + kx;
    if (y < 0 || x < 0 || y >= w.in.height || x >= w.in.width) {
      std::fill(out, out + run, uint64_t{0});
    } else {
      const uint64_t* from = map + static_cast<size_t>(y * w.in.width + x) * per_tap + within;
      for (size_t i = 0; i < run; ++i) {
        out[i] = from[i];
        asm volatile("");  // a loop: so few words are not worth a call of memmove
      }
    }
    out += run;
    count -= run;
    if (++kx == w.width) kx = 0, ++ky;
  }
}

}  // namespace edgebnn
