#include "kernels/real_binary/real_binary.h"

namespace edgebnn {

void real_binary_scalar(size_t rows, size_t units, size_t words, const float* g, const uint64_t* w,
                        double* d) {
  for (size_t k = 0; k < words; ++k) {
    for (size_t n = 0; n < units; ++n) {
      double sign[64];
      for (size_t i = 0; i < 64; ++i) sign[i] = w[n * words + k] >> i & 1 ? 1.0 : -1.0;
      for (size_t m = 0; m < rows; ++m) {
        const double value = g[m * units + n];
        double* out = d + (m * words + k) * 64;
        for (size_t i = 0; i < 64; ++i) out[i] += value * sign[i];
      }
    }
  }
}

}  // namespace edgebnn
