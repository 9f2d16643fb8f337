#include <immintrin.h>

#include "rooflines/rooflines.h"

namespace edgebnn {
namespace {

constexpr size_t kFew = 6, kMany = 12;

// Rounds of `step(sum, x, y)`, on N sums by turns.
template <size_t N, class Vector, class Step>
inline void rounds_of(size_t rounds, Vector x, Vector y, Vector zero, const Step& step) {
  Vector sums[N];
  for (Vector& sum : sums) sum = zero;
  for (size_t round = 0; round < rounds; round += N) {
#pragma GCC unroll 16
    for (Vector& sum : sums) {
      hide(x);
      sum = step(sum, x, y);
    }
  }
  for (Vector& sum : sums) hide(sum);
}

template <size_t N, class Step>
inline void integers(size_t rounds, const Step& step) {
  const __m512i x = _mm512_set1_epi32(0x01020304), y = _mm512_set1_epi16(1);
  rounds_of<N>(rounds, x, y, _mm512_setzero_si512(), step);
}

template <size_t N>
void binary_binary(size_t rounds) {
  integers<N>(rounds, [](__m512i sum, __m512i x, __m512i y) {
    return _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_xor_si512(x, y)));
  });
}

template <size_t N>
void short_binary(size_t rounds) {
  integers<N>(rounds, [](__m512i sum, __m512i x, __m512i y) {
    return _mm512_dpwssd_epi32(sum, _mm512_permutexvar_epi16(x, y), y);
  });
}

template <size_t N>
void byte_binary(size_t rounds) {
  integers<N>(rounds, [](__m512i sum, __m512i x, __m512i y) {
    return _mm512_dpbusd_epi32(sum, y, _mm512_permutexvar_epi8(x, y));
  });
}

template <size_t N>
void integer_integer(size_t rounds) {
  integers<N>(rounds,
              [](__m512i sum, __m512i x, __m512i y) { return _mm512_dpwssd_epi32(sum, x, y); });
}

template <size_t N>
void real_binary(size_t rounds) {
  const __m512 x = _mm512_set1_ps(1.0f);
  rounds_of<N>(rounds, x, x, _mm512_setzero_ps(), [](__m512 sum, __m512 x, __m512 y) {
    return _mm512_add_ps(sum, _mm512_permutexvar_ps(_mm512_castps_si512(x), y));
  });
}

template <size_t N>
void integer_real(size_t rounds) {
  const __m512 x = _mm512_set1_ps(1.0f);
  rounds_of<N>(rounds, x, x, _mm512_setzero_ps(),
               [](__m512 sum, __m512 x, __m512 y) { return _mm512_fmadd_ps(x, y, sum); });
}

constexpr Roofline kAll[] = {
    {"avx512", "binary_binary", "vpxorq vpopcntq vpaddq", 512, binary_binary<kFew>,
     binary_binary<kMany>},
    {"avx512", "short_binary", "vpermw vpdpwssd", 128, short_binary<kFew>, short_binary<kMany>},
    {"avx512", "byte_binary", "vpermb vpdpbusd", 256, byte_binary<kFew>, byte_binary<kMany>},
    {"avx512", "real_binary", "vpermps vaddps", 64, real_binary<kFew>, real_binary<kMany>},
    {"avx512", "integer_integer", "vpdpwssd", 32, integer_integer<kFew>, integer_integer<kMany>},
    {"avx512", "integer_real", "vfmadd", 16, integer_real<kFew>, integer_real<kMany>},
};

}  // namespace

std::span<const Roofline> rooflines_avx512() { return kAll; }

}  // namespace edgebnn
