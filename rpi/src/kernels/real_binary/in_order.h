// The definition of real times binary: float64, term by term. Each source that includes it has its
// own, compiled for its ISA, and all come to the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/sum_rows.h"

namespace edgebnn {

static inline void real_binary_in_order(size_t rows, size_t terms, size_t lanes, const float* g,
                                        const uint32_t* b, const SumRows<double>& s) {
  for (size_t r = 0; r < rows; ++r) {
    double* const row = Begins<double, 1>(s, r).of[0];
    for (size_t t = 0; t < terms; ++t) {
      const double plus = g[r * terms + t], minus = -plus;
      const uint32_t* word = b + t / 32 * lanes;
      each_lanes(s, lanes, s.run, [&](size_t first, size_t offset, size_t n) {
        double* sum = row + offset;
        for (size_t l = 0; l < n; ++l) sum[l] += word[first + l] >> (t % 32) & 1 ? plus : minus;
      });
    }
  }
}

}  // namespace edgebnn
