#include "layers/input_rows.h"

#include <algorithm>
#include <cstring>

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

uint64_t InputRows::word(size_t row, size_t word) const {
  const Window& w = block_.window;
  const size_t sample = row / w.out.positions(), position = row % w.out.positions();
  const ptrdiff_t from = input_position(w, position, word / lanes_.words_per_group);
  if (from < 0) return 0;
  const size_t at = sample * w.in.positions() + static_cast<size_t>(from);
  return input_.bits[at * lanes_.words_per_group + word % lanes_.words_per_group];
}

void InputRows::words(size_t row, uint64_t* out) const {
  for (size_t i = 0; i < lanes_.words(); ++i) out[i] = word(row, i);
}

void pack_weights(const Block& block, Format format, const void* weights, Range units, float* row,
                  uint64_t* packed) {
  const Lanes lanes = lanes_of(block);
  const size_t words = lanes.words(), stride = row_stride(format, block.units());
  std::memset(packed + units.begin * words, 0, units.size() * words * 8);
  for (size_t i = 0; i < block.fan_in(); ++i) {
    const size_t in_group = i % lanes.per_group;
    const size_t word = i / lanes.per_group * lanes.words_per_group + in_group / 64;
    load(format, weights, i * stride + units.begin, units.size(), row + units.begin);
    for (size_t o = units.begin; o < units.end; ++o)
      packed[o * words + word] |= static_cast<uint64_t>(row[o] >= 0) << (in_group % 64);
  }
}

}  // namespace edgebnn
