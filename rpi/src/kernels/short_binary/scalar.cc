#include "kernels/short_binary/short_binary.h"

namespace edgebnn {

void short_binary_scalar(size_t rows, size_t terms, size_t lanes, const int16_t* g,
                         const uint32_t* b, const SumRows<int32_t>& s) {
  for (size_t r = 0; r < rows; ++r) {
    int32_t* row = Begins<int32_t, 1>(s, r).of[0];
    for (size_t t = 0; t < terms; ++t) {
      const int32_t plus = g[r * terms + t], minus = -plus;
      const uint32_t* word = b + t / 32 * lanes;
      for (size_t l = 0; l < lanes; ++l)
        row[l / s.run * s.apart + l % s.run] += word[l] >> (t % 32) & 1 ? plus : minus;
    }
  }
}

}  // namespace edgebnn
