#include <immintrin.h>

#include "rooflines/rooflines.h"

namespace edgebnn {
namespace {

constexpr size_t kFew = 6, kMany = 12;

// Rounds of `step(sum, x, y)`, on N sums by turns.
template <size_t N, class Sum, class Vector, class Step>
inline void rounds_of(size_t rounds, Sum zero, Vector x, Vector y, const Step& step) {
  Sum sums[N];
  for (Sum& sum : sums) sum = zero;
  for (size_t round = 0; round < rounds; round += N) {
#pragma GCC unroll 16
    for (Sum& sum : sums) {
      hide(x);
      step(sum, x, y);
    }
  }
  for (Sum& sum : sums) hide(sum);
}

template <size_t N, class Step>
inline void integers(size_t rounds, const Step& step) {
  const __m256i x = _mm256_set1_epi32(0x01020304), y = _mm256_set1_epi16(1);
  rounds_of<N>(rounds, _mm256_setzero_si256(), x, y, step);
}

template <size_t N>
void binary_binary(size_t rounds) {
  const __m256i nibble = _mm256_set1_epi8(15);
  integers<N>(rounds, [&](__m256i& sum, __m256i x, __m256i y) {
    const __m256i other = _mm256_xor_si256(x, y);
    const __m256i low = _mm256_and_si256(other, nibble);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(other, 4), nibble);
    const __m256i count =
        _mm256_add_epi8(_mm256_shuffle_epi8(y, low), _mm256_shuffle_epi8(y, high));
    sum = _mm256_add_epi8(sum, count);
  });
}

struct Halfwords {
  __m256i all = _mm256_setzero_si256(), odd = _mm256_setzero_si256();
  void add(__m256i bytes) {
    all = _mm256_add_epi16(all, bytes);
    odd = _mm256_add_epi16(odd, _mm256_srli_epi16(bytes, 8));
  }
};

// Of two groups of four, in planes of bytes: their look-ups, and what adds them up. Of the first
// plane two fit a byte. The index is hidden before each look-up, or all would be one.
template <size_t N, size_t Planes>
void tables(size_t rounds) {
  const __m256i table = _mm256_set1_epi8(1);
  __m256i index = _mm256_set1_epi8(3);
  const auto look_up = [&] {
    hide(index);
    return _mm256_shuffle_epi8(table, index);
  };
  Halfwords sums[Planes][N];
  for (size_t round = 0; round < rounds; round += N) {
#pragma GCC unroll 4
    for (size_t n = 0; n < N; ++n) {
      const __m256i first = look_up();
      sums[0][n].add(_mm256_add_epi8(first, look_up()));
      for (size_t plane = 1; plane < Planes; ++plane) {
        sums[plane][n].add(look_up());
        sums[plane][n].add(look_up());
      }
    }
  }
  for (auto& plane : sums) {
    for (Halfwords& sum : plane) {
      hide(sum.all);
      hide(sum.odd);
    }
  }
}

template <size_t N>
void integer_integer(size_t rounds) {
  integers<N>(rounds, [](__m256i& sum, __m256i x, __m256i y) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x, y));
  });
}

template <size_t N>
void real_binary(size_t rounds) {
  const __m256 x = _mm256_set1_ps(1.0f);
  rounds_of<N>(rounds, _mm256_setzero_ps(), x, x, [](__m256& sum, __m256 x, __m256 y) {
    sum = _mm256_fmadd_ps(_mm256_permutevar8x32_ps(y, _mm256_castps_si256(x)), y, sum);
  });
}

template <size_t N>
void integer_real(size_t rounds) {
  const __m256 x = _mm256_set1_ps(1.0f);
  rounds_of<N>(rounds, _mm256_setzero_ps(), x, x,
               [](__m256& sum, __m256 x, __m256 y) { sum = _mm256_fmadd_ps(x, y, sum); });
}

constexpr Roofline kAll[] = {
    {"avx2", "binary_binary", "vpxor 2 vpand vpsrlw 2 vpshufb 2 vpaddb", 256, binary_binary<kFew>,
     binary_binary<kMany>},
    {"avx2", "short_binary", "4 vpshufb vpaddb 3 vpsrlw 6 vpaddw", 256, tables<2, 2>, tables<3, 2>},
    {"avx2", "byte_binary", "2 vpshufb vpaddb vpsrlw 2 vpaddw", 256, tables<3, 1>, tables<6, 1>},
    {"avx2", "real_binary", "vpermps vfmadd", 32, real_binary<kFew>, real_binary<kMany>},
    {"avx2", "integer_integer", "vpmaddwd vpaddd", 16, integer_integer<kFew>,
     integer_integer<kMany>},
    {"avx2", "integer_real", "vfmadd", 8, integer_real<kFew>, integer_real<kMany>},
};

}  // namespace

std::span<const Roofline> rooflines_avx2() { return kAll; }

}  // namespace edgebnn
