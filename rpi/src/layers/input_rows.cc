#include "layers/input_rows.h"

#include <algorithm>
#include <cstring>

namespace edgebnn {
namespace {

// So few bytes that a call of memcpy costs more than its copying.
template <size_t kBytes>
inline void copy_rows(size_t rows, const uint8_t* from, size_t from_next, uint8_t* to,
                      size_t to_next) {
  for (; rows > 0; --rows, from += from_next, to += to_next) std::memcpy(to, from, kBytes);
}

// An even number of them.
inline void copy_bytes(size_t n, const uint8_t* from, uint8_t* to) {
  const auto copy = [&](size_t at, auto word) {
    std::memcpy(&word, from + at, sizeof word);
    std::memcpy(to + at, &word, sizeof word);
  };
  struct alignas(16) Sixteen {
    uint64_t halves[2];
  };
  if (n >= 16) {
    for (size_t i = 0; i + 16 < n; i += 16) copy(i, Sixteen{});
    copy(n - 16, Sixteen{});  // in part what is there already
  } else if (n >= 8) {
    copy(0, uint64_t{});
    copy(n - 8, uint64_t{});
  } else {
    for (size_t i = 0; i + 2 <= n; i += 2) copy(i, uint16_t{});
  }
}

// n items of each row, whose first lie so many apart.
template <class T>
inline void copy_rows(size_t rows, size_t n, const T* from, size_t from_next, T* to,
                      size_t to_next) {
  const auto* in = reinterpret_cast<const uint8_t*>(from);
  auto* out = reinterpret_cast<uint8_t*>(to);
  const size_t bytes = n * sizeof(T), in_next = from_next * sizeof(T),
               out_next = to_next * sizeof(T);
  switch (bytes) {  // one to four words; a line of three taps of three colours
    case 8:
      return copy_rows<8>(rows, in, in_next, out, out_next);
    case 16:
      return copy_rows<16>(rows, in, in_next, out, out_next);
    case 24:
      return copy_rows<24>(rows, in, in_next, out, out_next);
    case 32:
      return copy_rows<32>(rows, in, in_next, out, out_next);
    case 18:
      return copy_rows<18>(rows, in, in_next, out, out_next);
    default:
      for (; rows > 0; --rows, in += in_next, out += out_next) copy_bytes(bytes, in, out);
  }
}

template <class T>
inline void clear_rows(size_t rows, size_t n, T* to, size_t next) {
  for (; n > 0 && rows > 0; --rows, to += next) std::fill_n(to, n, T{});
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

// Calls body(line, taps) for parts of a line: rows all of whose taps lie on the map, together;
// others one by one.
template <class Body>
void InputRows::each_even(Line line, Body&& body) const {
  const Window& w = block_.window;
  for (size_t some = 0; line.rows > 0; line.rows -= some) {
    const Taps taps(w, line.first);
    const auto room = static_cast<size_t>(w.in.width - w.width - taps.left);
    some =
        taps.all(w) ? std::min(line.rows, room / static_cast<size_t>(line.step * w.stride) + 1) : 1;
    body(Line{line.first, some, line.step}, taps);
    line.first.x += static_cast<int>(some) * line.step;
  }
}

void InputRows::integers(Line line, Range lanes, size_t apart, int16_t* out) const {
  const Window& w = block_.window;
  const uint8_t* image = input_.images + line.first.sample * w.in.size();
  const auto channels = static_cast<size_t>(w.in.channels);
  const size_t next = static_cast<size_t>(line.step * w.stride) * channels;
  const Range there{lanes.begin, std::clamp(block_.fan_in(), lanes.begin, lanes.end)};
  int16_t centred[512];
  each_even(line, [&](const Line& part, const Taps& taps) {
    int16_t* to = out;
    each_run(
        taps, channels, there,
        [&](size_t n, size_t from) {
          if (part.rows == 1 || n > std::size(centred)) {
            for (size_t r = 0; r < part.rows; ++r)
              kernels_.centre_pixels(n, image + from + r * next, to + r * apart);
          } else {
            // As many rows at a time as pixels are centred at once.
            const size_t at_once = (std::size(centred) - n) / next + 1;
            for (size_t r = 0; r < part.rows; r += at_once) {
              const size_t rows = std::min(at_once, part.rows - r);
              kernels_.centre_pixels((rows - 1) * next + n, image + from + r * next, centred);
              copy_rows(rows, n, centred, next, to + r * apart, apart);
            }
          }
          to += n;
        },
        [&](size_t n) {
          clear_rows(part.rows, n, to, apart);
          to += n;
        });
    clear_rows(part.rows, lanes.end - there.end, out + there.size(), apart);
    out += part.rows * apart;
  });
}

void InputRows::words(Line line, Range words, size_t apart, uint64_t* out) const {
  const Window& w = block_.window;
  const size_t per_tap = lanes_.words_per_group;
  const size_t next = static_cast<size_t>(line.step * w.stride) * per_tap;
  const uint64_t* map = input_.bits + line.first.sample * w.in.positions() * per_tap;
  each_even(line, [&](const Line& part, const Taps& taps) {
    uint64_t* to = out;
    each_run(
        taps, per_tap, words,
        [&](size_t n, size_t from) {
          copy_rows(part.rows, n, map + from, next, to, apart);
          to += n;
        },
        [&](size_t n) {
          clear_rows(part.rows, n, to, apart);
          to += n;
        });
    out += part.rows * apart;
  });
}

void InputRows::integers(Place& place, size_t rows, Range lanes, size_t apart, int16_t* out) const {
  const Window& w = block_.window;
  if (w.whole()) {  // a row is an image
    const size_t all = w.in.size(), n = std::clamp(all, lanes.begin, lanes.end) - lanes.begin;
    const uint8_t* pixels = input_.images + place.sample * all + lanes.begin;
    for (size_t r = 0; r < rows; ++r) kernels_.centre_pixels(n, pixels + r * all, out + r * apart);
    clear_rows(rows, lanes.size() - n, out + n, apart);
    place.sample += rows;
    return;
  }
  each_line(place, rows, w.out, [&](const Place& first, size_t done, size_t count) {
    integers(Line{first, count, 1}, lanes, apart, out + done * apart);
  });
}

void InputRows::words(Place& place, size_t rows, Range words, size_t apart, uint64_t* out) const {
  const Window& w = block_.window;
  if (w.whole()) {  // a row is a sample
    const size_t all = lanes_.words();
    copy_rows(rows, words.size(), input_.bits + place.sample * all + words.begin, all, out, apart);
    place.sample += rows;
    return;
  }
  each_line(place, rows, w.out, [&](const Place& first, size_t done, size_t count) {
    this->words(Line{first, count, 1}, words, apart, out + done * apart);
  });
}

}  // namespace edgebnn
