// The inputs of a product, row by row: an implicit GEMM over packed bits, no copy of the batch.
//
// A row is one output position of one sample: b·out.positions() + y·out.width + x, or its place.
// Zero padding contributes 0: packed rows hold -1 there, so products over border rows are
// corrected.
#pragma once

#include <algorithm>

#include "kernels/registry.h"
#include "plan.h"

namespace edgebnn {

struct ProductInput {
  const uint8_t* images = nullptr;  // first block: [B][input] u8
  const uint64_t* bits = nullptr;   // others: [B][in positions][words per position]
};

// Counted along, as dividing each row's number costs as much as copying the row.
struct Place {
  size_t sample;
  int y, x;
};
Place place_of(const Shape& map, size_t row);
inline void advance(Place& place, const Shape& map) {
  if (++place.x < map.width) return;
  place.x = 0;
  if (++place.y < map.height) return;
  place.y = 0;
  ++place.sample;
}

// Calls body(place, first, count) for each line of a map, or part of one, on which `rows` rows from
// `place` on lie, `first` of them before it; `place` moves behind the last.
template <class Body>
void each_line(Place& place, size_t rows, const Shape& map, Body&& body) {
  const auto width = static_cast<size_t>(map.width);
  for (size_t done = 0; done < rows;) {
    const size_t count = std::min(rows - done, width - static_cast<size_t>(place.x));
    body(Place(place), done, count);
    done += count;
    place.x += static_cast<int>(count) - 1;
    advance(place, map);
  }
}

// Where a window lies whose output is at a place, and which of its lines and columns of taps lie on
// the map, from `begin` to `end`.
struct Taps {
  int top, left, begin_y, end_y, begin_x, end_x;

  Taps(const Window& w, const Place& place);
  bool all(const Window& w) const {
    return end_y - begin_y == w.height && end_x - begin_x == w.width;
  }
  bool on_map(int y, int x) const { return begin_y <= y && y < end_y && begin_x <= x && x < end_x; }
};

// Calls body(tap) for the taps that lie in the padding.
template <class Body>
void each_tap_outside(const Window& w, const Place& place, Body&& body) {
  const Taps taps(w, place);
  if (taps.all(w)) return;
  for (int tap = 0, y = 0; y < w.height; ++y) {
    for (int x = 0; x < w.width; ++x, ++tap) {
      if (!taps.on_map(y, x)) body(static_cast<size_t>(tap));
    }
  }
}

class InputRows {
 public:
  InputRows(const Kernels& kernels, const Block& block, const ProductInput& input)
      : kernels_(kernels), block_(block), input_(input), lanes_(lanes_of(block)) {}

  // Of `rows` rows from `place` on, which moves behind the last. out: [rows][apart].
  // Lanes of centred pixels, zero beyond the fan-in.
  void integers(Place& place, size_t rows, Range lanes, size_t apart, int16_t* out) const;
  // Words of signs.
  void words(Place& place, size_t rows, Range words, size_t apart, uint64_t* out) const;

  // Of rows on one line of outputs, of which each is `step` from the one before.
  struct Line {
    Place first;
    size_t rows;
    int step;
  };
  void integers(Line line, Range lanes, size_t apart, int16_t* out) const;
  void words(Line line, Range words, size_t apart, uint64_t* out) const;

 private:
  template <class Copy, class Clear>
  void each_run(const Taps& taps, size_t per_tap, Range items, Copy&& copy, Clear&& clear) const;
  template <class Body>
  void each_even(Line line, Body&& body) const;

  const Kernels& kernels_;
  const Block& block_;
  ProductInput input_;
  Lanes lanes_;
};

}  // namespace edgebnn
