// Sums of four terms are looked up instead of added (VPSHUFB), for 32 lanes at a time. With p =
// max(g, 0) and n = max(-g, 0), a term adds 2·(set ? p : n) - |g|; so the table of four terms holds
// the 16 sums of p or n, which are between 0 and 4·8191 < 2^15, and the |g| are taken out at the
// end. Seven bits of a sum stand in one plane of bytes, eight in another: two look-ups.
// Of the seven-bit plane, two look-ups fit a byte and are added first.
#include "kernels/avx2.h"

#include <immintrin.h>

#include "kernels/short_binary/short_binary.h"

namespace edgebnn {
namespace {

constexpr size_t kRows = 8, kWords = 4;  // rows and words of terms whose tables lie ready: 8 KiB

// Tables of the eight groups of four of a word's terms: [8][2 planes][16 entries].
struct Tables {
  alignas(32) uint8_t of[8][2][16];
};
// Four tables of 16 terms. Returns their |g|, in halfwords.
inline __m256i make_tables(const int16_t* g, uint8_t (*tables)[2][16]) {
  const __m256i own = load(g), p = _mm256_max_epi16(own, _mm256_setzero_si256());
  const __m256i n = _mm256_sub_epi16(p, own);
  const auto other = [](__m256i v) {  // of the pair
    return _mm256_or_si256(_mm256_slli_epi32(v, 16), _mm256_srli_epi32(v, 16));
  };
  const __m256i p_other = other(p), n_other = other(n);
  // Of each pair: (p0 + p1, n0 + n1) and (p0 + n1, p1 + n0).
  const __m256i same =
      _mm256_blend_epi16(_mm256_add_epi16(p, p_other), _mm256_add_epi16(n, n_other), 0xAA);
  const __m256i mixed = _mm256_add_epi16(p, n_other);
  // A half holds, of one group: (pp, nn) of both pairs, then (pn, np) of both.
  const __m256i groups[2] = {_mm256_unpacklo_epi64(same, mixed),
                             _mm256_unpackhi_epi64(same, mixed)};
  // Bits 0 and 1 of an entry choose of the first pair, 2 and 3 of the second: nn, pn, np, pp.
  constexpr int kNn = 0x0302, kPn = 0x0908, kNp = 0x0B0A, kPp = 0x0100, kSecond = 0x0404;
  const auto pattern = [](int a, int b, int c, int d) {
    const auto two = [](int low, int high) { return low | high << 16; };
    return _mm256_setr_epi32(two(a, a), two(a, a), two(b, b), two(b, b), two(c, c), two(c, c),
                             two(d, d), two(d, d));
  };
  const auto each = [](int a, int b, int c, int d) {
    const long long four = a | b << 16 | static_cast<long long>(c | d << 16) << 32;
    return _mm256_set1_epi64x(four);
  };
  const __m256i first = each(kNn, kPn, kNp, kPp);
  const __m256i below = pattern(kNn + kSecond, kPn + kSecond, kNn + kSecond, kPn + kSecond);
  const __m256i above = pattern(kNp + kSecond, kPp + kSecond, kNp + kSecond, kPp + kSecond);
  const __m256i seven = _mm256_set1_epi16(127);
  for (size_t k = 0; k < 2; ++k) {
    const __m256i low = _mm256_shuffle_epi8(groups[k], first);
    const __m256i to_7 = _mm256_add_epi16(low, _mm256_shuffle_epi8(groups[k], below));
    const __m256i to_15 = _mm256_add_epi16(low, _mm256_shuffle_epi8(groups[k], above));
    const __m256i lower =
        _mm256_packus_epi16(_mm256_and_si256(to_7, seven), _mm256_and_si256(to_15, seven));
    const __m256i upper =
        _mm256_packus_epi16(_mm256_srli_epi16(to_7, 7), _mm256_srli_epi16(to_15, 7));
    // Of groups k and k + 2.
    store(tables[k], _mm256_permute2x128_si256(lower, upper, 0x20));
    store(tables[k + 2], _mm256_permute2x128_si256(lower, upper, 0x31));
  }
  return _mm256_add_epi16(p, n);
}

// The tables of a row's words; returns the sum of its |g|.
inline int32_t make_row(size_t words, const int16_t* g, Tables* tables) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i total = _mm256_setzero_si256();
  for (size_t word = 0; word < words; ++word) {
    for (size_t half = 0; half < 2; ++half) {
      const __m256i size = make_tables(g + word * 32 + half * 16, tables[word].of + half * 4);
      total = _mm256_add_epi32(total, _mm256_madd_epi16(size, ones));
    }
  }
  alignas(32) int32_t parts[8];
  store(parts, total);
  int32_t sum = 0;
  for (const int32_t part : parts) sum += part;
  return sum;
}

// s += 2·(lower + 128·upper) - size.
inline void add_to(int32_t* s, size_t lanes, const Halfwords& lower, const Halfwords& upper,
                   int32_t size) {
  const __m256i weights = _mm256_set1_epi32(2 | 256 << 16), less = _mm256_set1_epi32(size);
  const auto eight = [&](size_t at, __m256i pairs) {
    const __m256i sum = _mm256_sub_epi32(_mm256_madd_epi16(pairs, weights), less);
    store(s + at, _mm256_add_epi32(load(s + at), sum));
  };
  eight(0, _mm256_unpacklo_epi16(lower.even(), upper.even()));
  eight(8, _mm256_unpackhi_epi16(lower.even(), upper.even()));
  if (lanes < kLanes) return;
  eight(16, _mm256_unpacklo_epi16(lower.odd, upper.odd));
  eight(24, _mm256_unpackhi_epi16(lower.odd, upper.odd));
}

// R rows times 32 lanes.
template <size_t R>
inline void block(size_t words, const Tables (*tables)[kWords], const Nibbles* nibbles,
                  const int32_t* sizes, size_t lanes, int32_t* const* rows, size_t offset) {
  Halfwords lower[R], upper[R];
  for (size_t r = 0; r < R; ++r) {
    lower[r].all = lower[r].odd = _mm256_setzero_si256();
    upper[r].all = upper[r].odd = _mm256_setzero_si256();
  }
  for (size_t word = 0; word < words; ++word) {
    for (size_t k = 0; k < 8; k += 2) {
      const __m256i first = load(nibbles[word].of[k]), second = load(nibbles[word].of[k + 1]);
      for (size_t r = 0; r < R; ++r) {
        const auto& one = tables[r][word].of[k];
        const auto& two = tables[r][word].of[k + 1];
        lower[r].add(_mm256_add_epi8(_mm256_shuffle_epi8(twice(one[0]), first),
                                     _mm256_shuffle_epi8(twice(two[0]), second)));
        upper[r].add(_mm256_shuffle_epi8(twice(one[1]), first));
        upper[r].add(_mm256_shuffle_epi8(twice(two[1]), second));
      }
    }
  }
  for (size_t r = 0; r < R; ++r) add_to(rows[r] + offset, lanes, lower[r], upper[r], sizes[r]);
}

inline void strip(size_t first_row, size_t rows, size_t terms, size_t lanes, const int16_t* g,
                  const uint32_t* b, const SumRows<int32_t>& s) {
  Tables tables[kRows][kWords];
  Nibbles nibbles[kWords];
  int32_t sizes[kRows];
  for (size_t first = 0; first < terms; first += 32 * kWords) {
    const size_t words = (terms - first) / 32 < kWords ? (terms - first) / 32 : kWords;
    for (size_t r = 0; r < rows; ++r)
      sizes[r] = make_row(words, g + (first_row + r) * terms + first, tables[r]);
    each_lanes(s, lanes, kLanes, [&](size_t l, size_t offset, size_t here) {
      for (size_t word = 0; word < words; ++word)
        make_nibbles(b + (first / 32 + word) * lanes + l, here, nibbles[word]);
      size_t r = 0;
      for (; r + 2 <= rows; r += 2)
        block<2>(words, tables + r, nibbles, sizes + r, here,
                 Begins<int32_t, 2>(s, first_row + r).of, offset);
      if (r < rows)
        block<1>(words, tables + r, nibbles, sizes + r, here,
                 Begins<int32_t, 1>(s, first_row + r).of, offset);
    });
  }
}

}  // namespace

void short_binary_avx2(size_t rows, size_t terms, size_t lanes, const int16_t* g, const uint32_t* b,
                       const SumRows<int32_t>& s) {
  for (size_t r = 0; r < rows; r += kRows) {
    const size_t here = rows - r < kRows ? rows - r : kRows;
    strip(r, here, terms, lanes, g, b, s);
  }
}

}  // namespace edgebnn
