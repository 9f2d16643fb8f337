// The definition of real times binary: float64, term by term. Each source that includes it has its
// own, compiled for its ISA, and all come to the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

static inline void real_binary_in_order(size_t rows, size_t terms, size_t lanes, const float* g,
                                        const uint32_t* b, double* s) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t t = 0; t < terms; ++t) {
      const double plus = g[r * terms + t], minus = -plus;
      const uint32_t* word = b + t / 32 * lanes;
      for (size_t l = 0; l < lanes; ++l) s[r * lanes + l] += word[l] >> (t % 32) & 1 ? plus : minus;
    }
  }
}

}  // namespace edgebnn
