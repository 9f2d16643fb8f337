#include "kernels/binary_real/binary_real.h"

namespace edgebnn {

void binary_real_scalar(size_t rows, size_t units, const uint64_t* x, const float* g, double* a) {
  for (size_t i = 0; i < 64; ++i) {
    double* sum = a + i * units;
    for (size_t m = 0; m < rows; ++m) {
      const double sign = x[m] >> i & 1 ? 1.0 : -1.0;
      for (size_t n = 0; n < units; ++n) sum[n] += sign * static_cast<double>(g[m * units + n]);
    }
  }
}

}  // namespace edgebnn
