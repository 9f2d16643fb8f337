#include <cstring>

#include "kernels/max_pool/max_pool.h"

namespace edgebnn {

void max_pool_scalar(size_t rows, size_t n, size_t stride, const int32_t* y, int32_t* pooled,
                     uint8_t* winners, size_t winner_stride) {
  for (size_t m = 0; m < rows; ++m) {
    uint8_t* row = winners + m * winner_stride;
    std::memset(row, 0, (n + 3) / 4);
    for (size_t c = 0; c < n; ++c) {
      unsigned place = 0;
      int32_t best = y[4 * m * stride + c];
      for (unsigned k = 1; k < 4; ++k) {
        const int32_t other = y[(4 * m + k) * stride + c];
        if (other > best) best = other, place = k;
      }
      pooled[m * stride + c] = best;
      row[c / 4] |= static_cast<uint8_t>(place << (c % 4 * 2));
    }
  }
}

void spread_scalar(size_t n, size_t bytes, const void* g, const uint8_t* winners,
                   void* const map[4]) {
  for (size_t k = 0; k < 4; ++k) std::memset(map[k], 0, n * bytes);
  for (size_t c = 0; c < n; ++c) {
    const size_t place = winners[c / 4] >> (c % 4 * 2) & 3;
    std::memcpy(static_cast<uint8_t*>(map[place]) + c * bytes,
                static_cast<const uint8_t*>(g) + c * bytes, bytes);
  }
}

}  // namespace edgebnn
