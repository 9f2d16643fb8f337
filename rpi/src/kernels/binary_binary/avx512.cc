// One word of eight units a vector, against one word of a row, broadcast: xor, VPOPCNTQ, add.
#include <immintrin.h>

#include "kernels/binary_binary/binary_binary.h"

namespace edgebnn {
namespace {

// R rows times V vectors of units. `left`: units that there are, at most 8·V.
template <size_t R, size_t V>
inline void block(size_t words, int32_t bits, const uint64_t* x, const uint64_t* w, size_t left,
                  size_t stride, int32_t* y) {
  __m512i differ[R][V];
  for (auto& row : differ) {
    for (__m512i& sum : row) sum = _mm512_setzero_si512();
  }
  for (size_t k = 0; k < words; ++k) {
    __m512i units[V];
    for (size_t v = 0; v < V; ++v) units[v] = _mm512_loadu_si512(w + (v * words + k) * 8);
    for (size_t m = 0; m < R; ++m) {
      const __m512i word = _mm512_set1_epi64(static_cast<long long>(x[m * words + k]));
      for (size_t v = 0; v < V; ++v) {
        const __m512i count = _mm512_popcnt_epi64(_mm512_xor_si512(word, units[v]));
        differ[m][v] = _mm512_add_epi64(differ[m][v], count);
      }
    }
  }
  for (size_t m = 0; m < R; ++m) {
    for (size_t v = 0; v < V; ++v) {
      const __m256i count = _mm512_cvtepi64_epi32(_mm512_slli_epi64(differ[m][v], 1));
      const size_t here = left - v * 8 < 8 ? left - v * 8 : 8;
      _mm256_mask_storeu_epi32(y + m * stride + v * 8, static_cast<__mmask8>((1u << here) - 1),
                               _mm256_sub_epi32(_mm256_set1_epi32(bits), count));
    }
  }
}

template <size_t V>
inline void strip(size_t rows, size_t words, int32_t bits, const uint64_t* x, const uint64_t* w,
                  size_t left, size_t stride, int32_t* y) {
  size_t m = 0;
  for (; m + 4 <= rows; m += 4)
    block<4, V>(words, bits, x + m * words, w, left, stride, y + m * stride);
  for (; m < rows; ++m) block<1, V>(words, bits, x + m * words, w, left, stride, y + m * stride);
}

}  // namespace

void binary_binary_avx512(size_t rows, size_t units, size_t words, int32_t bits, const uint64_t* x,
                          const uint64_t* w, int32_t* y) {
  size_t n = 0;
  for (; n + 24 < units; n += 32) {
    const size_t left = units - n < 32 ? units - n : 32;
    strip<4>(rows, words, bits, x, w + n * words, left, units, y + n);
  }
  for (; n < units; n += 8) {
    const size_t left = units - n < 8 ? units - n : 8;
    strip<1>(rows, words, bits, x, w + n * words, left, units, y + n);
  }
}

}  // namespace edgebnn
