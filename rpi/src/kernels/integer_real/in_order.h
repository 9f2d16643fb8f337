// The definition of integer times real: float64, term by term. Each source that includes it has its
// own, compiled for its ISA, and all come to the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

static inline void integer_real_in_order(size_t rows, size_t inputs, size_t units, const int16_t* c,
                                         const float* g, double* a) {
  for (size_t i = 0; i < inputs; ++i) {
    double* sum = a + i * units;
    for (size_t m = 0; m < rows; ++m) {
      const double value = c[m * 64 + i];
      for (size_t n = 0; n < units; ++n) sum[n] += value * static_cast<double>(g[m * units + n]);
    }
  }
}

}  // namespace edgebnn
