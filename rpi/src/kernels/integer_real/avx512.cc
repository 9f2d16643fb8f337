// Multiply and add, eight inputs by two vectors of units.
#include "kernels/avx512.h"

#include "kernels/integer_real/integer_real.h"

namespace edgebnn {
namespace {

constexpr size_t kInputs = 8, kVectors = 2;

inline void add(double* a, __m512 sum, size_t left) {
  add_to(a, _mm512_cvtps_pd(_mm512_castps512_ps256(sum)),
         _mm512_cvtps_pd(_mm512_extractf32x8_ps(sum, 1)), left);
}

}  // namespace

void integer_real_avx512(size_t rows, size_t inputs, size_t units, const int16_t* c, const float* g,
                         double* a) {
  alignas(64) float pixels[kRowsInFloat][64];
  for (size_t first = 0; first < rows; first += kRowsInFloat) {
    const size_t count = rows - first < kRowsInFloat ? rows - first : kRowsInFloat;
    for (size_t m = 0; m < count; ++m) {
      for (size_t i = 0; i < inputs; ++i) pixels[m][i] = c[(first + m) * 64 + i];
    }
    for (size_t n = 0; n < units; n += kVectors * 16) {
      __mmask16 here[kVectors];
      for (size_t v = 0; v < kVectors; ++v) {
        const size_t left = n + v * 16 < units ? units - n - v * 16 : 0;
        here[v] = static_cast<__mmask16>(left >= 16 ? 0xFFFF : (1u << left) - 1);
      }
      for (size_t i = 0; i < inputs; i += kInputs) {
        __m512 sum[kInputs][kVectors];
        for (auto& row : sum) {
          for (__m512& one : row) one = _mm512_setzero_ps();
        }
        for (size_t m = 0; m < count; ++m) {
          __m512 gradient[kVectors];
          for (size_t v = 0; v < kVectors; ++v)
            gradient[v] = _mm512_maskz_loadu_ps(here[v], g + (first + m) * units + n + v * 16);
          for (size_t k = 0; k < kInputs; ++k) {
            const __m512 value = _mm512_set1_ps(pixels[m][i + k]);
            for (size_t v = 0; v < kVectors; ++v)
              sum[k][v] = _mm512_fmadd_ps(value, gradient[v], sum[k][v]);
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
