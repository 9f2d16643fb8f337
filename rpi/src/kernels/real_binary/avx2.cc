// Sums of four terms are looked up instead of added: VPERMPS, by a table of eight entries. Those
// are the sums in which the fourth term is subtracted; the other eight are their negatives, with
// the bits of the first three turned round. So a lane's pattern becomes an index of three bits and
// a factor of ±1, once for all rows, and look-up and FMA take in four terms of eight lanes.
#include <immintrin.h>

#include "kernels/real_binary/real_binary.h"

namespace edgebnn {
namespace {

constexpr size_t kRows = 8, kWords = kTermsInFloat / 32;  // whose tables lie ready: 8 KiB

// The two tables of eight terms. Entry e adds g0, g1, g2 if bit 0, 1, 2 of e is set, else subtracts
// them.
inline void make_tables(const float* g, __m256* tables) {
  const __m256 own = _mm256_loadu_ps(g), other = _mm256_permute_ps(own, 0xB1);
  // Of each pair: (g0 + g1, g1 - g0).
  const __m256 x = _mm256_blend_ps(_mm256_add_ps(own, other), _mm256_sub_ps(own, other), 0xAA);
  const __m256 minus = _mm256_set1_ps(-0.0f);
  const __m256 first = _mm256_blend_ps(minus, _mm256_setzero_ps(), 0xCC);
  const __m256i second = _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3);
  for (int k = 0; k < 2; ++k) {
    const __m256 both =
        k == 0 ? _mm256_permute2f128_ps(x, x, 0x00) : _mm256_permute2f128_ps(x, x, 0x11);
    // -x0, -x1, x1, x0 of the first pair; of the second, whose upper term is subtracted, -x0, -x1.
    const __m256 low = _mm256_xor_ps(_mm256_permute_ps(both, 0x14), first);
    tables[k] = _mm256_sub_ps(low, _mm256_permutevar_ps(both, second));
  }
}

inline void add_to(double* s, __m256 sum) {
  const __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(sum));
  const __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(sum, 1));
  _mm256_storeu_pd(s, _mm256_add_pd(_mm256_loadu_pd(s), low));
  _mm256_storeu_pd(s + 4, _mm256_add_pd(_mm256_loadu_pd(s + 4), high));
}

// R rows times eight lanes.
template <size_t R>
inline void block(size_t words, size_t lanes, const __m256 (*tables)[8 * kWords], const uint32_t* b,
                  double* const* rows, size_t offset) {
  const __m256 one = _mm256_set1_ps(1.0f);
  const __m256i fourths = _mm256_set1_epi32(0x11111111);
  __m256 sum[R];
  for (__m256& row : sum) row = _mm256_setzero_ps();
  for (size_t word = 0; word < words; ++word) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + word * lanes));
    // Fourth bits, at the bottom of their groups; where set, the other three turned round: bits
    // ^ 7.
    __m256i set = _mm256_and_si256(_mm256_srli_epi32(bits, 3), fourths);
    __m256i index = _mm256_xor_si256(bits, _mm256_sub_epi32(_mm256_slli_epi32(set, 3), set));
    for (int k = 0; k < 8; ++k) {
      const __m256 fourth = _mm256_castsi256_ps(_mm256_slli_epi32(set, 31));
      const __m256 sign = _mm256_or_ps(fourth, one);
      for (size_t r = 0; r < R; ++r) {
        const __m256 looked_up = _mm256_permutevar8x32_ps(tables[r][word * 8 + k], index);
        sum[r] = _mm256_fmadd_ps(looked_up, sign, sum[r]);
      }
      index = _mm256_srli_epi32(index, 4);
      set = _mm256_srli_epi32(set, 4);
    }
  }
  for (size_t r = 0; r < R; ++r) add_to(rows[r] + offset, sum[r]);
}

template <size_t R>
inline void strip(size_t first_row, size_t terms, size_t lanes, const float* g, const uint32_t* b,
                  const SumRows<double>& s) {
  const Begins<double, R> rows(s, first_row);
  g += first_row * terms;
  __m256 tables[R][8 * kWords];
  for (size_t first = 0; first < terms; first += 32 * kWords) {
    const size_t words = (terms - first) / 32 < kWords ? (terms - first) / 32 : kWords;
    for (size_t r = 0; r < R; ++r) {
      for (size_t part = 0; part < 4 * words; ++part)
        make_tables(g + r * terms + first + part * 8, tables[r] + part * 2);
    }
    each_lanes(s, lanes, 8, [&](size_t l, size_t offset, size_t) {
      block<R>(words, lanes, tables, b + first / 32 * lanes + l, rows.of, offset);
    });
  }
}

}  // namespace

void real_binary_avx2(size_t rows, size_t terms, size_t lanes, const float* g, const uint32_t* b,
                      const SumRows<double>& s) {
  size_t r = 0;
  for (; r + kRows <= rows; r += kRows) strip<kRows>(r, terms, lanes, g, b, s);
  for (; r < rows; ++r) strip<1>(r, terms, lanes, g, b, s);
}

}  // namespace edgebnn
