#include "kernels/vector.h"

#include "kernels/transpose_bits/transpose_bits.h"

namespace edgebnn {
namespace {

// A square of blocks of s, s = 16, 8, .. 1: the upper right one of each four changes place with the
// lower left.
template <size_t W>
inline void transpose(size_t stride, uint32_t* rows) {
  using Some [[gnu::vector_size(W * 4)]] = uint32_t;
  uint32_t mask = 0x0000FFFF;
  for (size_t s = 16; s != 0; s >>= 1, mask ^= mask << s) {
    for (size_t k = 0; k < 32; k = ((k | s) + 1) & ~s) {
      uint32_t *at = rows + k * stride, *below = rows + (k | s) * stride;
      Some upper, lower;
      std::memcpy(&upper, at, sizeof upper);
      std::memcpy(&lower, below, sizeof lower);
      const Some swap = ((upper >> static_cast<uint32_t>(s)) ^ lower) & mask;
      lower ^= swap;
      upper ^= swap << static_cast<uint32_t>(s);
      std::memcpy(at, &upper, sizeof upper);
      std::memcpy(below, &lower, sizeof lower);
    }
  }
}

}  // namespace

void EDGEBNN_NAME(transpose_bits)(size_t words, uint32_t* rows) {
  size_t w = 0;
  for (; w + 16 <= words; w += 16) transpose<16>(words, rows + w);
  for (; w + 8 <= words; w += 8) transpose<8>(words, rows + w);
  for (; w + 4 <= words; w += 4) transpose<4>(words, rows + w);
  for (; w < words; w += 2) transpose<2>(words, rows + w);
}

}  // namespace edgebnn
