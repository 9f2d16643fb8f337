#include "kernels/vector.h"

#include "kernels/transpose_bits/transpose_bits.h"

namespace edgebnn {
namespace {

// The mask of the lower S bits of each 2·S.
template <uint32_t S>
constexpr uint32_t kLower = ~0u / ((1u << S) + 1);

// Of four blocks of SxS bits, the upper right one changes place with the lower left.
template <uint32_t S, class Some>
inline void exchange(Some& upper, Some& lower) {
  const Some right = upper >> S, left = lower << S;
  upper ^= (upper ^ left) & ~kLower<S>;
  lower ^= (lower ^ right) & kLower<S>;
}

// W squares, by blocks of 2·S and of S at once: four rows lie in registers.
template <uint32_t S, class Some>
inline void exchange_twice(size_t stride, uint32_t* rows) {
  for (size_t first = 0; first < 32; first += 4 * S) {
#pragma GCC unroll 1
    for (size_t k = first; k < first + S; ++k) {
      Some row[4];
      for (size_t i = 0; i < 4; ++i)
        std::memcpy(&row[i], rows + (k + i * S) * stride, sizeof(Some));
      exchange<2 * S>(row[0], row[2]);
      exchange<2 * S>(row[1], row[3]);
      exchange<S>(row[0], row[1]);
      exchange<S>(row[2], row[3]);
      for (size_t i = 0; i < 4; ++i)
        std::memcpy(rows + (k + i * S) * stride, &row[i], sizeof(Some));
    }
  }
}

template <size_t W>
inline void transpose(size_t stride, uint32_t* rows) {
  using Some [[gnu::vector_size(W * 4)]] = uint32_t;
  exchange_twice<8, Some>(stride, rows);
  exchange_twice<2, Some>(stride, rows);
#pragma GCC unroll 1
  for (size_t k = 0; k < 32; k += 2) {
    Some upper, lower;
    std::memcpy(&upper, rows + k * stride, sizeof upper);
    std::memcpy(&lower, rows + (k + 1) * stride, sizeof lower);
    exchange<1>(upper, lower);
    std::memcpy(rows + k * stride, &upper, sizeof upper);
    std::memcpy(rows + (k + 1) * stride, &lower, sizeof lower);
  }
}

}  // namespace

void EDGEBNN_NAME(transpose_bits)(size_t words, uint32_t* rows) {
  size_t w = 0;
#if !defined(__arm__)  // its registers hold four rows of eight
  for (; w + 16 <= words; w += 16) transpose<16>(words, rows + w);
#endif
  for (; w + 8 <= words; w += 8) transpose<8>(words, rows + w);
  for (; w + 4 <= words; w += 4) transpose<4>(words, rows + w);
  for (; w < words; w += 2) transpose<2>(words, rows + w);
}

}  // namespace edgebnn
