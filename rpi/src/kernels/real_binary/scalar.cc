#include "kernels/real_binary/real_binary.h"

namespace edgebnn {

void real_binary_scalar(size_t rows, size_t terms, size_t lanes, const float* g, const uint32_t* b,
                        double* s) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t t = 0; t < terms; ++t) {
      const double plus = g[r * terms + t], minus = -plus;
      const uint32_t* word = b + t / 32 * lanes;
      for (size_t l = 0; l < lanes; ++l) s[r * lanes + l] += word[l] >> (t % 32) & 1 ? plus : minus;
    }
  }
}

}  // namespace edgebnn
