#include "layers/input_rows.h"

#include <algorithm>
#include <cstring>

namespace edgebnn {
namespace {

// So few that a call of memcpy costs more: in a loop, the compiler would call it.
template <class T>
inline T* copied_one_by_one(T* to, const T* from, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    to[i] = from[i];
    asm volatile("");
  }
  return to + n;
}

inline uint8_t* copied(uint8_t* to, const uint8_t* from, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) std::memcpy(to + i, from + i, 8);
  return copied_one_by_one(to + i, from + i, n - i);
}

inline uint64_t* copied(uint64_t* to, const uint64_t* from, size_t n) {
  if (n < 4) return copied_one_by_one(to, from, n);
  uint64_t* const last = to + n - 4;
  const uint64_t* const from_last = from + n - 4;
  for (; to < last; to += 4, from += 4) std::memcpy(to, from, 32);
  std::memcpy(last, from_last, 32);  // in part what is there already
  return last + 4;
}

}  // namespace

Place place_of(const Shape& map, size_t row) {
  const size_t position = row % map.positions(), width = static_cast<size_t>(map.width);
  return {row / map.positions(), static_cast<int>(position / width),
          static_cast<int>(position % width)};
}

Taps::Taps(const Window& w, const Place& place)
    : top(place.y * w.stride - w.pad_top),
      left(place.x * w.stride - w.pad_left),
      begin_y(0),
      end_y(w.height),
      begin_x(0),
      end_x(w.width) {
  const int below = w.in.height - top, to_right = w.in.width - left;
  if (top >= 0 && left >= 0 && below >= w.height && to_right >= w.width) return;  // most
  begin_y = std::clamp(-top, 0, w.height);
  end_y = std::clamp(below, begin_y, w.height);
  begin_x = std::clamp(-left, 0, w.width);
  end_x = std::clamp(to_right, begin_x, w.width);
}

// A row's items (pixels, or words of bits) are those under its taps, `per_tap` each; those of a
// line of taps lie side by side in the map. For items [begin, end) of a row, in order: calls
// copy(n, from), `from` counted in items from the sample's first, or clear(n) where a tap lies
// outside.
template <class Copy, class Clear>
void InputRows::each_run(const Taps& taps, size_t per_tap, Range items, Copy&& copy,
                         Clear&& clear) const {
  const Window& w = block_.window;
  const size_t line = static_cast<size_t>(w.width) * per_tap;  // items of a line of taps
  const size_t from_left = static_cast<size_t>(taps.begin_x) * per_tap;
  const size_t to_right = static_cast<size_t>(taps.end_x) * per_tap;
  int y = 0;
  size_t first = items.begin;
  for (; first >= line; first -= line) ++y;
  const auto base = [&](int y) {  // of a line, also where it begins outside the map
    return static_cast<ptrdiff_t>((taps.top + y) * w.in.width + taps.left) *
           static_cast<ptrdiff_t>(per_tap);
  };
  if (taps.all(w)) {
    auto from = static_cast<size_t>(base(y));
    const size_t next = static_cast<size_t>(w.in.width) * per_tap;
    for (size_t left_over = items.size(); left_over > 0; first = 0, from += next) {
      const size_t n = std::min(line - first, left_over);
      copy(n, from + first);
      left_over -= n;
    }
    return;
  }
  for (size_t left_over = items.size(); left_over > 0; first = 0, ++y) {
    const size_t end = std::min(line, first + left_over);
    left_over -= end - first;
    if (y < taps.begin_y || y >= taps.end_y) {
      clear(end - first);
      continue;
    }
    const size_t begins = std::clamp(from_left, first, end);
    const size_t ends = std::clamp(to_right, begins, end);
    if (begins > first) clear(begins - first);
    if (ends > begins) {
      copy(ends - begins, static_cast<size_t>(base(y) + static_cast<ptrdiff_t>(begins)));
    }
    if (end > ends) clear(end - ends);
  }
}

void InputRows::integers(const Place& row, size_t first, size_t lanes, int16_t* out) const {
  const Window& w = block_.window;
  const uint8_t* image = input_.images + row.sample * w.in.size();
  const size_t fan_in = block_.fan_in(), end = std::min(first + lanes, fan_in);
  const auto channels = static_cast<size_t>(w.in.channels);
  int16_t* const behind = out + lanes;
  const auto centre = [&](size_t n, const uint8_t* pixels) {
    kernels_.centre_pixels(n, pixels, out);
    out += n;
  };
  if (first < end && w.whole()) {
    centre(end - first, image + first);
  } else if (first < end) {
    const Taps taps(w, row);
    uint8_t pixels[256];
    if (taps.all(w) && end - first <= sizeof pixels) {
      uint8_t* pixel = pixels;
      each_run(
          taps, channels, {first, end},
          [&](size_t n, size_t from) { pixel = copied(pixel, image + from, n); }, [](size_t) {});
      centre(end - first, pixels);
    } else {
      each_run(
          taps, channels, {first, end}, [&](size_t n, size_t from) { centre(n, image + from); },
          [&](size_t n) { out = std::fill_n(out, n, int16_t{0}); });
    }
  }
  std::fill(out, behind, int16_t{0});
}

void InputRows::words(Place& row, size_t rows, Range words, uint64_t* out) const {
  const Window& w = block_.window;
  const size_t per_tap = lanes_.words_per_group;
  for (; rows > 0; --rows, advance(row, w.out)) {
    const uint64_t* map = input_.bits + row.sample * w.in.positions() * per_tap;
    each_run(
        Taps(w, row), per_tap, words,
        [&](size_t n, size_t from) { out = copied(out, map + from, n); },
        [&](size_t n) {
          for (; n > 0; --n) *out++ = 0;
        });
  }
}

}  // namespace edgebnn
