#include "kernels/integer_integer/integer_integer.h"

namespace edgebnn {

void integer_integer_scalar(size_t rows, size_t inputs, size_t units, const int16_t* c,
                            const int16_t* g, double* a) {
  for (size_t i = 0; i < inputs; ++i) {
    double* sum = a + i * units;
    for (size_t m = 0; m < rows; ++m) {
      const double value = c[m * 64 + i];
      for (size_t n = 0; n < units; ++n) sum[n] += value * static_cast<double>(g[m * units + n]);
    }
  }
}

}  // namespace edgebnn
