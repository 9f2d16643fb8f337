// Pairs of rows side by side: VPMADDWD multiplies two rows' c with two rows' g and adds the two.
#include <immintrin.h>

#include <cstring>

#include "kernels/integer_integer/integer_integer.h"

namespace edgebnn {
namespace {

// Rows whose products a 32-bit sum holds: 2^8 · 255 · 8191 < 2^31.
constexpr size_t kRows = 256;

// Rows 2p and 2p + 1, element by element: [pairs][64]; absent elements and rows are 0.
inline void interleave(size_t rows, size_t columns, const int16_t* in, int16_t (*out)[128]) {
  for (size_t m = 0; m < rows; m += 2) {
    alignas(32) int16_t both[2][64] = {};
    std::memcpy(both[0], in + m * columns, columns * 2);
    if (m + 1 < rows) std::memcpy(both[1], in + (m + 1) * columns, columns * 2);
    for (size_t n = 0; n < 64; n += 16) {
      const __m256i even = _mm256_load_si256(reinterpret_cast<const __m256i*>(both[0] + n));
      const __m256i odd = _mm256_load_si256(reinterpret_cast<const __m256i*>(both[1] + n));
      const __m256i low = _mm256_unpacklo_epi16(even, odd), high = _mm256_unpackhi_epi16(even, odd);
      auto* to = reinterpret_cast<__m256i*>(out[m / 2] + n * 2);
      _mm256_store_si256(to, _mm256_permute2x128_si256(low, high, 0x20));
      _mm256_store_si256(to + 1, _mm256_permute2x128_si256(low, high, 0x31));
    }
  }
}

inline void add_to(double* a, __m256i sum, size_t left) {
  if (left >= 8) {
    const __m256d low = _mm256_cvtepi32_pd(_mm256_castsi256_si128(sum));
    const __m256d high = _mm256_cvtepi32_pd(_mm256_extracti128_si256(sum, 1));
    _mm256_storeu_pd(a, _mm256_add_pd(_mm256_loadu_pd(a), low));
    _mm256_storeu_pd(a + 4, _mm256_add_pd(_mm256_loadu_pd(a + 4), high));
    return;
  }
  alignas(32) int32_t parts[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(parts), sum);
  for (size_t n = 0; n < left; ++n) a[n] += parts[n];
}

}  // namespace

void integer_integer_avx2(size_t rows, size_t inputs, size_t units, const int16_t* c,
                          const int16_t* g, double* a) {
  alignas(32) int16_t pixels[kRows / 2][128], gradients[kRows / 2][128];
  constexpr size_t kInputs = 4, kVectors = 2;
  for (size_t first = 0; first < rows; first += kRows) {
    const size_t count = rows - first < kRows ? rows - first : kRows;
    interleave(count, 64, c + first * 64, pixels);
    interleave(count, units, g + first * units, gradients);
    for (size_t i = 0; i < inputs; i += kInputs) {
      for (size_t n = 0; n < units; n += kVectors * 8) {
        __m256i sum[kInputs][kVectors];
        for (auto& row : sum) {
          for (__m256i& one : row) one = _mm256_setzero_si256();
        }
        for (size_t p = 0; p < (count + 1) / 2; ++p) {
          const auto* gradient = reinterpret_cast<const __m256i*>(gradients[p] + n * 2);
          for (size_t k = 0; k < kInputs; ++k) {
            int32_t two;
            std::memcpy(&two, pixels[p] + (i + k) * 2, 4);
            const __m256i pair = _mm256_set1_epi32(two);
            for (size_t v = 0; v < kVectors; ++v) {
              const __m256i product = _mm256_madd_epi16(pair, _mm256_load_si256(gradient + v));
              sum[k][v] = _mm256_add_epi32(sum[k][v], product);
            }
          }
        }
        for (size_t k = 0; k < kInputs; ++k) {
          for (size_t v = 0; v < kVectors && n + v * 8 < units; ++v)
            add_to(a + (i + k) * units + n + v * 8, sum[k][v], units - n - v * 8);
        }
      }
    }
  }
}

}  // namespace edgebnn
