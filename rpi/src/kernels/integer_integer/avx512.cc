// Pairs of rows side by side: VPDPWSSD multiplies two rows' c with two rows' g and adds both.
#include "kernels/avx512.h"

#include "kernels/integer_integer/integer_integer.h"

namespace edgebnn {
namespace {

// Rows whose products a 32-bit sum holds: 2^8 · 255 · 8191 < 2^31.
constexpr size_t kRows = 256;

// Rows 2p and 2p + 1, element by element: [pairs][64]; absent elements and rows are 0.
inline void interleave(size_t rows, size_t columns, const int16_t* in, int32_t (*out)[64]) {
  const __m512i zero = _mm512_setzero_si512();
  alignas(64) static constexpr int16_t kOrder[2][32] = {
      {0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
       8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47},
      {16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55,
       24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63}};
  for (size_t m = 0; m < rows; m += 2) {
    for (size_t n = 0; n < 64; n += 32) {
      const size_t left = n < columns ? columns - n : 0;
      const __mmask32 here = left >= 32 ? ~__mmask32{0} : (__mmask32{1} << left) - 1;
      const __m512i even = _mm512_maskz_loadu_epi16(here, in + m * columns + n);
      const __m512i odd =
          m + 1 < rows ? _mm512_maskz_loadu_epi16(here, in + (m + 1) * columns + n) : zero;
      for (size_t half = 0; half < 2; ++half) {
        const __m512i order = _mm512_load_si512(kOrder[half]);
        _mm512_store_si512(out[m / 2] + n + half * 16, _mm512_permutex2var_epi16(even, order, odd));
      }
    }
  }
}

inline void add(double* a, __m512i sum, size_t left) {
  add_to(a, _mm512_cvtepi32_pd(_mm512_castsi512_si256(sum)),
         _mm512_cvtepi32_pd(_mm512_extracti32x8_epi32(sum, 1)), left);
}

}  // namespace

void integer_integer_avx512(size_t rows, size_t inputs, size_t units, const int16_t* c,
                            const int16_t* g, double* a) {
  alignas(64) int32_t pixels[kRows / 2][64], gradients[kRows / 2][64];
  constexpr size_t kInputs = 8, kVectors = 2;
  for (size_t first = 0; first < rows; first += kRows) {
    const size_t count = rows - first < kRows ? rows - first : kRows;
    interleave(count, 64, c + first * 64, pixels);
    interleave(count, units, g + first * units, gradients);
    for (size_t i = 0; i < inputs; i += kInputs) {
      for (size_t n = 0; n < units; n += kVectors * 16) {
        __m512i sum[kInputs][kVectors];
        for (auto& row : sum) {
          for (__m512i& one : row) one = _mm512_setzero_si512();
        }
        for (size_t p = 0; p < (count + 1) / 2; ++p) {
          for (size_t k = 0; k < kInputs; ++k) {
            const __m512i pair = _mm512_set1_epi32(pixels[p][i + k]);
            for (size_t v = 0; v < kVectors; ++v) {
              sum[k][v] = _mm512_dpwssd_epi32(sum[k][v], pair,
                                              _mm512_load_si512(gradients[p] + n + v * 16));
            }
          }
        }
        for (size_t k = 0; k < kInputs; ++k) {
          for (size_t v = 0; v < kVectors && n + v * 16 < units; ++v)
            add(a + (i + k) * units + n + v * 16, sum[k][v], units - n - v * 16);
        }
      }
    }
  }
}

}  // namespace edgebnn
