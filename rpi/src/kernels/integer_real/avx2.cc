// Multiply and add, four inputs by two vectors of units.
#include <immintrin.h>

#include "kernels/integer_real/integer_real.h"

namespace edgebnn {
namespace {

constexpr size_t kInputs = 4, kVectors = 2;

inline void add_to(double* a, __m256 sum, size_t left) {
  if (left >= 8) {
    const __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(sum));
    const __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(sum, 1));
    _mm256_storeu_pd(a, _mm256_add_pd(_mm256_loadu_pd(a), low));
    _mm256_storeu_pd(a + 4, _mm256_add_pd(_mm256_loadu_pd(a + 4), high));
    return;
  }
  alignas(32) float parts[8];
  _mm256_store_ps(parts, sum);
  for (size_t n = 0; n < left; ++n) a[n] += static_cast<double>(parts[n]);
}

// A mask of the first `left` elements.
inline __m256i first_of(size_t left) {
  const __m256i element = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(left)), element);
}

}  // namespace

void integer_real_avx2(size_t rows, size_t inputs, size_t units, const int16_t* c, const float* g,
                       double* a) {
  alignas(32) float pixels[kRowsInFloat][64];
  for (size_t first = 0; first < rows; first += kRowsInFloat) {
    const size_t count = rows - first < kRowsInFloat ? rows - first : kRowsInFloat;
    for (size_t m = 0; m < count; ++m) {
      for (size_t i = 0; i < inputs; ++i) pixels[m][i] = c[(first + m) * 64 + i];
    }
    for (size_t n = 0; n < units; n += kVectors * 8) {
      __m256i here[kVectors];
      for (size_t v = 0; v < kVectors; ++v)
        here[v] = first_of(n + v * 8 < units ? units - n - v * 8 : 0);
      for (size_t i = 0; i < inputs; i += kInputs) {
        __m256 sum[kInputs][kVectors];
        for (auto& row : sum) {
          for (__m256& one : row) one = _mm256_setzero_ps();
        }
        for (size_t m = 0; m < count; ++m) {
          __m256 gradient[kVectors];
          for (size_t v = 0; v < kVectors; ++v)
            gradient[v] = _mm256_maskload_ps(g + (first + m) * units + n + v * 8, here[v]);
          for (size_t k = 0; k < kInputs; ++k) {
            const __m256 value = _mm256_set1_ps(pixels[m][i + k]);
            for (size_t v = 0; v < kVectors; ++v)
              sum[k][v] = _mm256_fmadd_ps(value, gradient[v], sum[k][v]);
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
