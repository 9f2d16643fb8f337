#include "kernels/transpose_bits/transpose_bits.h"

namespace edgebnn {

void transpose_bits_scalar(size_t words, uint32_t* rows) {
  for (size_t w = 0; w < words; ++w) {
    for (size_t i = 0; i < 32; ++i) {
      for (size_t j = 0; j < i; ++j) {
        uint32_t &a = rows[i * words + w], &b = rows[j * words + w];
        const uint32_t differ = (a >> j ^ b >> i) & 1;
        a ^= differ << j;
        b ^= differ << i;
      }
    }
  }
}

}  // namespace edgebnn
