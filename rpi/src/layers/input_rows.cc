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

// A row's items (pixels, or words of bits) are those under its taps, `per_tap` each; those of a
// line of taps lie side by side in the map. For items [begin, end) of a row, in order: calls
// copy(n, from), `from` counted in items from the sample's first, or clear(n) where a tap lies
// outside.
template <class Copy, class Clear>
void InputRows::each_run(size_t row, size_t per_tap, Range items, Copy&& copy,
                         Clear&& clear) const {
  const Window& w = block_.window;
  // Divisions of 32 bits are several times quicker, and there are many.
  const auto position = static_cast<uint32_t>(row % w.out.positions());
  const auto across = static_cast<uint32_t>(w.out.width);
  const int top = static_cast<int>(position / across) * w.stride - w.pad_top;
  const int left = static_cast<int>(position % across) * w.stride - w.pad_left;
  const size_t line = static_cast<size_t>(w.width) * per_tap;  // items of a line of taps
  const auto inside = [&](int x) {  // of a line, the item of a tap at x: clipped to the map
    return static_cast<size_t>(std::clamp(x - left, 0, w.width)) * per_tap;
  };
  const size_t from_left = inside(0), to_right = inside(w.in.width);
  size_t first = items.begin % line;
  int y = top + static_cast<int>(items.begin / line);
  for (size_t left_over = items.size(); left_over > 0; first = 0, ++y) {
    const size_t end = std::min(line, first + left_over);
    left_over -= end - first;
    if (y < 0 || y >= w.in.height) {
      clear(end - first);
      continue;
    }
    const size_t begins = std::clamp(from_left, first, end);
    const size_t ends = std::clamp(to_right, begins, end);
    if (begins > first) clear(begins - first);
    if (ends > begins) {
      const auto base =
          static_cast<ptrdiff_t>(y * w.in.width + left) * static_cast<ptrdiff_t>(per_tap);
      copy(ends - begins, static_cast<size_t>(base + static_cast<ptrdiff_t>(begins)));
    }
    if (end > ends) clear(end - ends);
  }
}

void InputRows::integers(size_t row, size_t first, size_t lanes, int16_t* out) const {
  const Window& w = block_.window;
  const uint8_t* image = input_.images + row / w.out.positions() * w.in.size();
  const size_t fan_in = block_.fan_in(), end = std::min(first + lanes, fan_in);
  int16_t* const behind = out + lanes;
  if (first < end && w.whole()) {
    kernels_.centre_pixels(end - first, image + first, out);
    out += end - first;
  } else if (first < end) {
    each_run(
        row, static_cast<size_t>(w.in.channels), {first, end},
        [&](size_t n, size_t from) {
          kernels_.centre_pixels(n, image + from, out);
          out += n;
        },
        [&](size_t n) { out = std::fill_n(out, n, int16_t{0}); });
  }
  std::fill(out, behind, int16_t{0});
}

void InputRows::words(size_t row, size_t first, size_t count, uint64_t* out) const {
  const Window& w = block_.window;
  const size_t per_tap = lanes_.words_per_group;
  const uint64_t* map = input_.bits + row / w.out.positions() * w.in.positions() * per_tap;
  const auto each = [&](size_t n, auto&& word) {
    for (size_t i = 0; i < n; ++i) {
      *out++ = word(i);
      asm volatile("");  // a loop: so few words are not worth a call of memmove
    }
  };
  each_run(
      row, per_tap, {first, first + count},
      [&](size_t n, size_t from) { each(n, [&](size_t i) { return map[from + i]; }); },
      [&](size_t n) { each(n, [](size_t) { return uint64_t{0}; }); });
}

}  // namespace edgebnn
