// Where the sums of a product lie, which it adds to: those of dX among the rows of a map.
#pragma once

#include <cstddef>

namespace edgebnn {

// Lane l of row r lies l / run·apart + l % run behind the row's begin. Rows begin `stride` apart,
// or where `begins` says. Runs are of whole kLanesTogether, or there is one. Rows may lie over each
// other if they begin that far apart at least: a kernel fetches, adds to and puts back no more
// lanes of a row before it comes to the next.
inline constexpr size_t kLanesTogether = 64;

template <class S>
struct SumRows {
  S* s;
  size_t stride;
  const size_t* begins = nullptr;  // [rows]
  size_t run = static_cast<size_t>(-1), apart = 0;
};

// Internal to each file, as the kernels of an ISA share no code with others.
namespace {

template <class S>
[[gnu::always_inline]] inline SumRows<S> rows_from(SumRows<S> sums, size_t row) {
  if (sums.begins != nullptr) {
    sums.begins += row;
  } else {
    sums.s += row * sums.stride;
  }
  return sums;
}

// Where R rows begin, from row `first` on.
template <class S, size_t R>
struct Begins {
  S* of[R];

  [[gnu::always_inline]] Begins(const SumRows<S>& sums, size_t first) {
    for (size_t r = 0; r < R; ++r) {
      const size_t row = first + r;
      of[r] = sums.s + (sums.begins != nullptr ? sums.begins[row] : row * sums.stride);
    }
  }
};

// Calls body(l, offset, n) for n lanes from l on, at most `width`, which lie from `offset` on
// behind a row's begin.
template <class S, class Body>
[[gnu::always_inline]] inline void each_lanes(const SumRows<S>& sums, size_t lanes, size_t width,
                                              Body&& body) {
  for (size_t first = 0, begin = 0; first < lanes; begin += sums.apart) {
    const size_t n = lanes - first < sums.run ? lanes - first : sums.run;
    for (size_t l = 0; l < n; l += width) body(first + l, begin + l, n - l < width ? n - l : width);
    first += n;
  }
}

}  // namespace
}  // namespace edgebnn
