// What the AVX-512 variants share.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace edgebnn {

// a[0..15] += (low, high), of which the first `left` are there.
static inline void add_to(double* a, __m512d low, __m512d high, size_t left) {
  const auto first = static_cast<__mmask8>(left >= 8 ? 255 : (1u << left) - 1);
  const auto rest = static_cast<__mmask8>(left >= 16 ? 255 : left > 8 ? (1u << (left - 8)) - 1 : 0);
  _mm512_mask_storeu_pd(a, first, _mm512_add_pd(_mm512_maskz_loadu_pd(first, a), low));
  _mm512_mask_storeu_pd(a + 8, rest, _mm512_add_pd(_mm512_maskz_loadu_pd(rest, a + 8), high));
}

}  // namespace edgebnn
