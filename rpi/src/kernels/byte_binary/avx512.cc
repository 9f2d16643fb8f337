// Sums of four terms are looked up instead of added (VPERMB). A table has 16 entries, one for each
// pattern of four bits, and a vector holds four: of the lower nibbles of a word's four bytes, or of
// the upper ones. A lane's 32 bits, masked, are four nibbles at the bottoms of its bytes; so one
// look-up gives each of 16 lanes four sums of four, and VPDPBUSD, with 2^shift of each byte, adds
// them to the lane's 32-bit total.
#include <immintrin.h>

#include "kernels/byte_binary/byte_binary.h"

namespace edgebnn {
namespace {

constexpr size_t kRows = 8, kWords = 16;  // rows and words of terms whose tables lie ready: 16 KiB

// Entry e of table j takes ±g0 ± g1 by bits 0 and 1 of e, and ±g2 ± g3 by bits 2 and 3. With
// x = (g0 + g1, g1 - g0) of each pair, and n = -x: 00 -> n0, 01 -> n1, 10 -> x1, 11 -> x0. x of a
// word stands in the lower half of a vector, n in the upper.
struct Indices {
  alignas(64) uint8_t low[2][64], high[2][64];  // of the lower nibbles, of the upper
  constexpr Indices() : low(), high() {
    for (int nibble = 0; nibble < 2; ++nibble) {
      for (int e = 0; e < 64; ++e) {
        const int pair = e / 16 * 8 + nibble * 4;  // the first of the four
        const auto of = [](int term, int bits) {
          const int odd = bits == 1 || bits == 2 ? 1 : 0;
          return static_cast<uint8_t>(term + odd + (bits < 2 ? 32 : 0));
        };
        low[nibble][e] = of(pair, e & 3);
        high[nibble][e] = of(pair + 2, e >> 2 & 3);
      }
    }
  }
};
constexpr Indices kIndices;

// The two vectors of tables of 32 terms.
inline void make_tables(const int8_t* g, __m512i* tables) {
  const __m256i own = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(g));
  const __m256i other = _mm256_or_si256(_mm256_slli_epi16(own, 8), _mm256_srli_epi16(own, 8));
  const __m256i x =
      _mm256_mask_blend_epi8(0xAAAAAAAA, _mm256_add_epi8(own, other), _mm256_sub_epi8(own, other));
  const __m256i n = _mm256_sub_epi8(_mm256_setzero_si256(), x);
  const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(x), n, 1);
  for (int nibble = 0; nibble < 2; ++nibble) {
    const __m512i low = _mm512_load_si512(kIndices.low[nibble]);
    const __m512i high = _mm512_load_si512(kIndices.high[nibble]);
    tables[nibble] =
        _mm512_add_epi8(_mm512_permutexvar_epi8(low, both), _mm512_permutexvar_epi8(high, both));
  }
}

// A word of terms and what its bytes count, at most 128 each. What counts 256 is taken twice.
struct Step {
  size_t word;
  uint32_t weights;
};

// Steps of words with these shifts; returns how many.
inline size_t make_steps(size_t words, const uint8_t* shifts, Step* steps) {
  size_t n = 0;
  for (size_t word = 0; word < words; ++word) {
    uint32_t once = 0, again = 0;
    for (size_t byte = 0; byte < 4; ++byte) {
      const int shift = shifts == nullptr ? 0 : shifts[word * 4 + byte];
      const bool twice = shift == kLargestShift;
      once |= 1u << (byte * 8 + static_cast<size_t>(shift - (twice ? 1 : 0)));
      again |= twice ? 128u << (byte * 8) : 0;
    }
    steps[n++] = {word, once};
    if (again != 0) steps[n++] = {word, again};
  }
  return n;
}

// R rows times V vectors of lanes.
template <size_t R, size_t V>
inline void block(size_t n, const Step* steps, size_t lanes, const __m512i (*tables)[2 * kWords],
                  const uint32_t* b, int32_t* const* rows, size_t offset) {
  const __m512i nibble = _mm512_set1_epi32(0x0F0F0F0F), table = _mm512_set1_epi32(0x30201000);
  __m512i sum[R][V];
  for (size_t r = 0; r < R; ++r) {
    for (size_t v = 0; v < V; ++v) sum[r][v] = _mm512_loadu_si512(rows[r] + offset + v * 16);
  }
  for (size_t i = 0; i < n; ++i) {
    const size_t word = steps[i].word;
    const __m512i weights = _mm512_set1_epi32(static_cast<int>(steps[i].weights));
    __m512i index[2][V];
    for (size_t v = 0; v < V; ++v) {
      const __m512i bits = _mm512_loadu_si512(b + word * lanes + v * 16);
      index[0][v] = _mm512_ternarylogic_epi32(bits, nibble, table, 0xEA);  // (a & b) | c
      index[1][v] = _mm512_ternarylogic_epi32(_mm512_srli_epi16(bits, 4), nibble, table, 0xEA);
    }
    for (size_t r = 0; r < R; ++r) {
      for (size_t k = 0; k < 2; ++k) {
        const __m512i sums = tables[r][word * 2 + k];
        for (size_t v = 0; v < V; ++v) {
          sum[r][v] =
              _mm512_dpbusd_epi32(sum[r][v], weights, _mm512_permutexvar_epi8(index[k][v], sums));
        }
      }
    }
  }
  for (size_t r = 0; r < R; ++r) {
    for (size_t v = 0; v < V; ++v) _mm512_storeu_si512(rows[r] + offset + v * 16, sum[r][v]);
  }
}

template <size_t R>
inline void strip(size_t first_row, size_t terms, size_t lanes, const int8_t* g,
                  const uint8_t* shifts, const uint32_t* b, const SumRows<int32_t>& s) {
  const Begins<int32_t, R> rows(s, first_row);
  g += first_row * terms;
  __m512i tables[R][2 * kWords];
  Step steps[2 * kWords];
  for (size_t first = 0; first < terms; first += 32 * kWords) {
    const size_t words = (terms - first) / 32 < kWords ? (terms - first) / 32 : kWords;
    for (size_t r = 0; r < R; ++r) {
      for (size_t word = 0; word < words; ++word)
        make_tables(g + r * terms + first + word * 32, tables[r] + word * 2);
    }
    const size_t n = make_steps(words, shifts == nullptr ? nullptr : shifts + first / 8, steps);
    const uint32_t* here = b + first / 32 * lanes;
    each_lanes(s, lanes, 32, [&](size_t l, size_t offset, size_t wide) {
      if (wide == 32) return block<R, 2>(n, steps, lanes, tables, here + l, rows.of, offset);
      block<R, 1>(n, steps, lanes, tables, here + l, rows.of, offset);
    });
  }
}

}  // namespace

void byte_binary_avx512(size_t rows, size_t terms, size_t lanes, const int8_t* g,
                        const uint8_t* shifts, const uint32_t* b, const SumRows<int32_t>& s) {
  size_t r = 0;
  for (; r + kRows <= rows; r += kRows) strip<kRows>(r, terms, lanes, g, shifts, b, s);
  for (; r + 2 <= rows; r += 2) strip<2>(r, terms, lanes, g, shifts, b, s);
  if (r < rows) strip<1>(r, terms, lanes, g, shifts, b, s);
}

}  // namespace edgebnn
