#include "kernels/integer_binary/integer_binary.h"

namespace edgebnn {

void integer_binary_scalar(size_t rows, size_t units, size_t words, const int16_t* c,
                           const uint64_t* w, int32_t* y) {
  for (size_t i = 0; i < rows * units; ++i) y[i] = 0;
  for (size_t n = 0; n < units; ++n) {
    for (size_t k = 0; k < words; ++k) {
      int16_t sign[64];
      for (size_t i = 0; i < 64; ++i) sign[i] = w[n * words + k] >> i & 1 ? 1 : -1;
      for (size_t m = 0; m < rows; ++m) {
        const int16_t* in = c + (m * words + k) * 64;
        int32_t sum = 0;
        for (size_t i = 0; i < 64; ++i) sum += in[i] * sign[i];
        y[m * units + n] += sum;
      }
    }
  }
}

}  // namespace edgebnn
