#include <immintrin.h>

#include "rooflines/rooflines.h"

namespace edgebnn {
namespace {

constexpr size_t kSums = 12;  // enough to hide the latency of a multiply and add

// Rounds of `step(sum, x, y)`, on kSums sums by turns.
template <class Vector, class Step>
inline void rounds_of(size_t rounds, Vector x, Vector y, Vector zero, const Step& step) {
  Vector sums[kSums];
  for (Vector& sum : sums) sum = zero;
  for (size_t round = 0; round < rounds; round += kSums) {
    for (Vector& sum : sums) {
      hide(x);
      sum = step(sum, x, y);
    }
  }
  for (Vector& sum : sums) hide(sum);
}

template <class Step>
inline void integers(size_t rounds, const Step& step) {
  const __m512i x = _mm512_set1_epi32(0x01020304), y = _mm512_set1_epi16(1);
  rounds_of(rounds, x, y, _mm512_setzero_si512(), step);
}

void binary_binary(size_t rounds) {
  integers(rounds, [](__m512i sum, __m512i x, __m512i y) {
    return _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_xor_si512(x, y)));
  });
}

void short_binary(size_t rounds) {
  integers(rounds, [](__m512i sum, __m512i x, __m512i y) {
    return _mm512_dpwssd_epi32(sum, _mm512_permutexvar_epi16(x, y), y);
  });
}

void integer_integer(size_t rounds) {
  integers(rounds,
           [](__m512i sum, __m512i x, __m512i y) { return _mm512_dpwssd_epi32(sum, x, y); });
}

void real_binary(size_t rounds) {
  const __m512 x = _mm512_set1_ps(1.0f);
  rounds_of(rounds, x, x, _mm512_setzero_ps(), [](__m512 sum, __m512 x, __m512 y) {
    return _mm512_add_ps(sum, _mm512_permutexvar_ps(_mm512_castps_si512(x), y));
  });
}

void integer_real(size_t rounds) {
  const __m512 x = _mm512_set1_ps(1.0f);
  rounds_of(rounds, x, x, _mm512_setzero_ps(),
            [](__m512 sum, __m512 x, __m512 y) { return _mm512_fmadd_ps(x, y, sum); });
}

constexpr Roofline kAll[] = {
    {"avx512", "binary_binary", "vpxorq vpopcntq vpaddq", 512, binary_binary},
    {"avx512", "short_binary", "vpermw vpdpwssd", 128, short_binary},
    {"avx512", "real_binary", "vpermps vaddps", 64, real_binary},
    {"avx512", "integer_integer", "vpdpwssd", 32, integer_integer},
    {"avx512", "integer_real", "vfmadd", 16, integer_real},
};

}  // namespace

std::span<const Roofline> rooflines_avx512() { return kAll; }

}  // namespace edgebnn
