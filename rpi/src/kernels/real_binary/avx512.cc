// Sums of four terms are looked up instead of added: VPERMPS, by a table of 16 entries, one for
// each pattern of four bits. A lane's 32 bits, shifted by 4k, have the pattern of terms 4k..4k+3 at
// the bottom, and VPERMPS reads no more than that.
#include <immintrin.h>

#include "kernels/real_binary/real_binary.h"

namespace edgebnn {
namespace {

constexpr size_t kRows = 4, kWords = kTermsInFloat / 32;  // whose tables lie ready: 8 KiB

// As in short_binary/avx512.cc, one table a vector; group q of the four whose terms a load brings.
struct Indices {
  alignas(64) int32_t low[4][16], high[4][16];
  constexpr Indices() : low(), high() {
    for (int q = 0; q < 4; ++q) {
      for (int e = 0; e < 16; ++e) {
        const auto of = [](int lane, int bits) {
          const int odd = bits == 1 || bits == 2 ? 1 : 0;
          return lane + odd + (bits < 2 ? 16 : 0);
        };
        low[q][e] = of(4 * q, e & 3);
        high[q][e] = of(4 * q + 2, e >> 2 & 3);
      }
    }
  }
};
constexpr Indices kIndices;

// The four tables of 16 terms.
inline void make_tables(const float* g, __m512* tables) {
  const __m512 own = _mm512_loadu_ps(g), other = _mm512_permute_ps(own, 0xB1);
  const __m512 x =
      _mm512_mask_blend_ps(0xAAAA, _mm512_add_ps(own, other), _mm512_sub_ps(own, other));
  const __m512 n = _mm512_sub_ps(_mm512_setzero_ps(), x);
  for (int q = 0; q < 4; ++q) {
    const __m512i low = _mm512_load_si512(kIndices.low[q]);
    const __m512i high = _mm512_load_si512(kIndices.high[q]);
    tables[q] =
        _mm512_add_ps(_mm512_permutex2var_ps(x, low, n), _mm512_permutex2var_ps(x, high, n));
  }
}

inline void add_to(double* s, __m512 sum) {
  const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(sum));
  const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(sum, 1));
  _mm512_storeu_pd(s, _mm512_add_pd(_mm512_loadu_pd(s), low));
  _mm512_storeu_pd(s + 8, _mm512_add_pd(_mm512_loadu_pd(s + 8), high));
}

template <size_t R, size_t V>
inline void block(size_t words, size_t lanes, const __m512 (*tables)[8 * kWords], const uint32_t* b,
                  double* const* rows, size_t offset) {
  __m512 sum[R][V];
  for (auto& row : sum) {
    for (__m512& one : row) one = _mm512_setzero_ps();
  }
  for (size_t word = 0; word < words; ++word) {
    __m512i bits[V];
    for (size_t v = 0; v < V; ++v) bits[v] = _mm512_loadu_si512(b + word * lanes + v * 16);
    for (size_t k = 0; k < 8; ++k) {
      for (size_t r = 0; r < R; ++r) {
        const __m512 table = tables[r][word * 8 + k];
        for (size_t v = 0; v < V; ++v)
          sum[r][v] = _mm512_add_ps(sum[r][v], _mm512_permutexvar_ps(bits[v], table));
      }
      for (size_t v = 0; v < V; ++v) bits[v] = _mm512_srli_epi32(bits[v], 4);
    }
  }
  for (size_t r = 0; r < R; ++r) {
    for (size_t v = 0; v < V; ++v) add_to(rows[r] + offset + v * 16, sum[r][v]);
  }
}

template <size_t R>
inline void strip(size_t first_row, size_t terms, size_t lanes, const float* g, const uint32_t* b,
                  const SumRows<double>& s) {
  const Begins<double, R> rows(s, first_row);
  g += first_row * terms;
  __m512 tables[R][8 * kWords];
  for (size_t first = 0; first < terms; first += 32 * kWords) {
    const size_t words = (terms - first) / 32 < kWords ? (terms - first) / 32 : kWords;
    for (size_t r = 0; r < R; ++r) {
      for (size_t part = 0; part < 2 * words; ++part)
        make_tables(g + r * terms + first + part * 16, tables[r] + part * 4);
    }
    const uint32_t* here = b + first / 32 * lanes;
    each_lanes(s, lanes, 64, [&](size_t l, size_t offset, size_t n) {
      if (n == 64) return block<R, 4>(words, lanes, tables, here + l, rows.of, offset);
      for (size_t i = 0; i < n; i += 16)
        block<R, 1>(words, lanes, tables, here + l + i, rows.of, offset + i);
    });
  }
}

}  // namespace

void real_binary_avx512(size_t rows, size_t terms, size_t lanes, const float* g, const uint32_t* b,
                        const SumRows<double>& s) {
  size_t r = 0;
  for (; r + kRows <= rows; r += kRows) strip<kRows>(r, terms, lanes, g, b, s);
  for (; r < rows; ++r) strip<1>(r, terms, lanes, g, b, s);
}

}  // namespace edgebnn
