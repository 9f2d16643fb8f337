// Sums of four terms are looked up instead of added (VPERMW). A table has 16 entries, one for each
// pattern of four bits, and a vector holds two: of terms 4k..4k+3, and of 16+4k..16+4k+3. A lane's
// 32 bits, shifted by 4k, have those two patterns at the bottom of their halves; so one look-up
// gives each of 16 lanes two sums of four, which VPDPWSSD adds to the lane's 32-bit total.
#include <immintrin.h>

#include "kernels/short_binary/short_binary.h"

namespace edgebnn {
namespace {

constexpr size_t kRows = 8, kWords = 8;  // rows and words of terms whose tables lie ready: 16 KiB

// Entry e of table k takes ±g0 ± g1 by bits 0 and 1 of e, and ±g2 ± g3 by bits 2 and 3. With
// x = (g0 + g1, g1 - g0) of each pair, and n = -x: 00 -> n0, 01 -> n1, 10 -> x1, 11 -> x0.
struct Indices {
  alignas(64) int16_t low[4][32], high[4][32];
  constexpr Indices() : low(), high() {
    for (int k = 0; k < 4; ++k) {
      for (int e = 0; e < 32; ++e) {
        const int pair = (e / 16 * 16 + 4 * k);  // lane of the first of the four
        const auto of = [](int lane, int bits) {
          const int odd = bits == 1 || bits == 2 ? 1 : 0;
          return static_cast<int16_t>(lane + odd + (bits < 2 ? 32 : 0));
        };
        low[k][e] = of(pair, e & 3);
        high[k][e] = of(pair + 2, e >> 2 & 3);
      }
    }
  }
};
constexpr Indices kIndices;

// The four tables of 32 terms.
inline void make_tables(const int16_t* g, __m512i* tables) {
  const __m512i own = _mm512_loadu_si512(g), other = _mm512_rol_epi32(own, 16);
  const __m512i x = _mm512_mask_blend_epi16(0xAAAAAAAA, _mm512_add_epi16(own, other),
                                            _mm512_sub_epi16(own, other));
  const __m512i n = _mm512_sub_epi16(_mm512_setzero_si512(), x);
  for (int k = 0; k < 4; ++k) {
    const __m512i low = _mm512_load_si512(kIndices.low[k]);
    const __m512i high = _mm512_load_si512(kIndices.high[k]);
    tables[k] = _mm512_add_epi16(_mm512_permutex2var_epi16(x, low, n),
                                 _mm512_permutex2var_epi16(x, high, n));
  }
}

// R rows times V vectors of lanes, over `words` words of terms.
template <size_t R, size_t V>
inline void block(size_t words, size_t lanes, const __m512i (*tables)[4 * kWords],
                  const uint32_t* b, int32_t* const* rows, size_t offset) {
  const __m512i nibble = _mm512_set1_epi32(0x000F000F), second = _mm512_set1_epi32(0x00100000);
  const __m512i ones = _mm512_set1_epi16(1);
  __m512i sum[R][V];
  for (size_t r = 0; r < R; ++r) {
    for (size_t v = 0; v < V; ++v) sum[r][v] = _mm512_loadu_si512(rows[r] + offset + v * 16);
  }
  for (size_t word = 0; word < words; ++word) {
    __m512i bits[V];
    for (size_t v = 0; v < V; ++v) bits[v] = _mm512_loadu_si512(b + word * lanes + v * 16);
    for (size_t k = 0; k < 4; ++k) {
      __m512i index[V];
      for (size_t v = 0; v < V; ++v) {
        index[v] = _mm512_ternarylogic_epi32(bits[v], nibble, second, 0xEA);  // (a & b) | c
        bits[v] = _mm512_srli_epi16(bits[v], 4);
      }
      for (size_t r = 0; r < R; ++r) {
        const __m512i table = tables[r][word * 4 + k];
        for (size_t v = 0; v < V; ++v) {
          sum[r][v] =
              _mm512_dpwssd_epi32(sum[r][v], _mm512_permutexvar_epi16(index[v], table), ones);
        }
      }
    }
  }
  for (size_t r = 0; r < R; ++r) {
    for (size_t v = 0; v < V; ++v) _mm512_storeu_si512(rows[r] + offset + v * 16, sum[r][v]);
  }
}

template <size_t R>
inline void strip(size_t first_row, size_t terms, size_t lanes, const int16_t* g, const uint32_t* b,
                  const SumRows<int32_t>& s) {
  const Begins<int32_t, R> rows(s, first_row);
  g += first_row * terms;
  __m512i tables[R][4 * kWords];
  for (size_t first = 0; first < terms; first += 32 * kWords) {
    const size_t words = (terms - first) / 32 < kWords ? (terms - first) / 32 : kWords;
    for (size_t r = 0; r < R; ++r) {
      for (size_t word = 0; word < words; ++word)
        make_tables(g + r * terms + first + word * 32, tables[r] + word * 4);
    }
    const uint32_t* here = b + first / 32 * lanes;
    each_lanes(s, lanes, 32, [&](size_t l, size_t offset, size_t n) {
      if (n == 32) return block<R, 2>(words, lanes, tables, here + l, rows.of, offset);
      block<R, 1>(words, lanes, tables, here + l, rows.of, offset);
    });
  }
}

}  // namespace

void short_binary_avx512(size_t rows, size_t terms, size_t lanes, const int16_t* g,
                         const uint32_t* b, const SumRows<int32_t>& s) {
  size_t r = 0;
  for (; r + kRows <= rows; r += kRows) strip<kRows>(r, terms, lanes, g, b, s);
  for (; r + 2 <= rows; r += 2) strip<2>(r, terms, lanes, g, b, s);
  if (r < rows) strip<1>(r, terms, lanes, g, b, s);
}

}  // namespace edgebnn
