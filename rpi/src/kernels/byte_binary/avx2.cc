// Sums of four terms are looked up instead of added (VPSHUFB), for 32 lanes at a time. With p =
// max(g, 0) and n = max(-g, 0), a term adds 2·(set ? p : n) - |g|; so the table of four terms holds
// the 16 sums of p or n, at most 4·31, and the |g| are taken out at the end. Two look-ups fit a
// byte and are added first: those of a byte of terms, which share a shift.
#include "kernels/avx2.h"

#include <immintrin.h>

#include "kernels/byte_binary/byte_binary.h"

namespace edgebnn {
namespace {

constexpr size_t kRows = 8, kWords = 16;  // rows and words of terms whose tables lie ready: 16 KiB

// Tables of the eight groups of four of a word's terms.
struct Tables {
  alignas(32) uint8_t of[8][16];
};

// Bytes of terms that lie together and share a shift.
struct Run {
  size_t begin, end;
  int shift;
  // How far the sums so far are shifted left, to go on with; or -1: they are added to s first, as
  // halfwords would not hold them.
  int up;
};

// Runs of words with these shifts; returns how many.
inline size_t make_runs(size_t words, const uint8_t* shifts, Run* runs) {
  constexpr size_t kOne = 2 * 4 * kLargestByte;
  size_t n = 0;
  for (size_t byte = 0; byte < words * 4; ++byte) {
    const int shift = shifts == nullptr ? 0 : shifts[byte];
    if (n == 0 || runs[n - 1].shift != shift) runs[n++] = {byte, byte, shift, -1};
    runs[n - 1].end = byte + 1;
  }
  size_t most = 0;
  for (size_t i = 0; i < n; ++i) {
    const size_t own = (runs[i].end - runs[i].begin) * kOne;
    const int up = i == 0 ? -1 : runs[i - 1].shift - runs[i].shift;
    const bool holds = up >= 0 && (most << up) + own <= UINT16_MAX;
    if (holds) runs[i].up = up;
    most = own + (holds ? most << up : 0);
  }
  return n;
}

// The tables of 32 terms. Returns the sums of their |g|, of eight terms each.
inline __m256i make_tables(const int8_t* g, Tables& tables) {
  const __m256i own = load(g), p = _mm256_max_epi8(own, _mm256_setzero_si256());
  const __m256i n = _mm256_sub_epi8(p, own);
  const auto other = [](__m256i v) {  // of the pair
    return _mm256_or_si256(_mm256_slli_epi16(v, 8), _mm256_srli_epi16(v, 8));
  };
  // Of each pair: (p0 + p1, n0 + n1) and (p0 + n1, p1 + n0).
  const __m256i odd = _mm256_set1_epi16(static_cast<int16_t>(0xFF00));
  const __m256i same =
      _mm256_blendv_epi8(_mm256_add_epi8(p, other(p)), _mm256_add_epi8(n, other(n)), odd);
  const __m256i mixed = _mm256_add_epi8(p, other(n));
  // A half holds, of two groups, four bytes a pair: pp, nn, pn, np.
  const __m256i groups[2] = {_mm256_unpacklo_epi16(same, mixed),
                             _mm256_unpackhi_epi16(same, mixed)};
  // Bits 0 and 1 of an entry choose of the first pair, 2 and 3 of the second: nn, pn, np, pp.
  const __m256i first = _mm256_set1_epi32(0x00030201);
  const __m256i second =
      _mm256_broadcastsi128_si256(_mm_setr_epi32(0x05050505, 0x06060606, 0x07070707, 0x04040404));
  const __m256i next = _mm256_set1_epi8(8);
  for (size_t k = 0; k < 4; ++k) {
    const __m256i from = groups[k / 2];
    const __m256i a = k % 2 == 0 ? first : _mm256_add_epi8(first, next);
    const __m256i b = k % 2 == 0 ? second : _mm256_add_epi8(second, next);
    const __m256i sums =
        _mm256_add_epi8(_mm256_shuffle_epi8(from, a), _mm256_shuffle_epi8(from, b));
    _mm_store_si128(reinterpret_cast<__m128i*>(tables.of[k]), _mm256_castsi256_si128(sums));
    _mm_store_si128(reinterpret_cast<__m128i*>(tables.of[k + 4]),
                    _mm256_extracti128_si256(sums, 1));
  }
  return _mm256_sad_epu8(_mm256_add_epi8(p, n), _mm256_setzero_si256());
}

// The tables of a row's words; returns the sum of its |g|, shifted.
inline int32_t make_row(size_t words, const int8_t* g, const uint8_t* shifts, Tables* tables) {
  __m256i total = _mm256_setzero_si256();
  for (size_t word = 0; word < words; ++word) {
    __m256i sizes = make_tables(g + word * 32, tables[word]);
    if (shifts != nullptr) {
      int32_t four;
      __builtin_memcpy(&four, shifts + word * 4, sizeof four);
      sizes = _mm256_sllv_epi64(sizes, _mm256_cvtepu8_epi64(_mm_cvtsi32_si128(four)));
    }
    total = _mm256_add_epi64(total, sizes);
  }
  const __m128i two =
      _mm_add_epi64(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
  return static_cast<int32_t>(_mm_cvtsi128_si64(two) + _mm_extract_epi64(two, 1));
}

// s += sums·2^(shift + 1) - size.
inline void add_to(int32_t* s, size_t lanes, const Halfwords& sums, int shift, int32_t size) {
  const __m128i by = _mm_cvtsi32_si128(shift + 1);
  const __m256i less = _mm256_set1_epi32(size), zero = _mm256_setzero_si256();
  const auto eight = [&](size_t at, __m256i words) {
    const __m256i sum = _mm256_sub_epi32(_mm256_sll_epi32(words, by), less);
    store(s + at, _mm256_add_epi32(load(s + at), sum));
  };
  eight(0, _mm256_unpacklo_epi16(sums.even(), zero));
  eight(8, _mm256_unpackhi_epi16(sums.even(), zero));
  if (lanes < kLanes) return;
  eight(16, _mm256_unpacklo_epi16(sums.odd, zero));
  eight(24, _mm256_unpackhi_epi16(sums.odd, zero));
}

// R rows times 32 lanes.
template <size_t R>
inline void block(size_t n, const Run* runs, const Tables (*tables)[kWords], const Nibbles* nibbles,
                  const int32_t* sizes, size_t lanes, int32_t* const* rows, size_t offset) {
  Halfwords sums[R];
  for (size_t r = 0; r < R; ++r) sums[r].all = sums[r].odd = _mm256_setzero_si256();
  const uint8_t (*nibble)[kLanes] = nibbles->of;  // a byte has two groups
  const uint8_t (*table)[16] = tables[0]->of;
  for (size_t i = 0; i < n; ++i) {
    const Run& run = runs[i];
    for (size_t r = 0; i > 0 && r < R; ++r) {
      if (run.up < 0) add_to(rows[r] + offset, lanes, sums[r], runs[i - 1].shift, 0);
      const __m128i up = _mm_cvtsi32_si128(run.up < 0 ? 16 : run.up);  // 16: nothing is left
      sums[r].all = _mm256_sll_epi16(sums[r].all, up);
      sums[r].odd = _mm256_sll_epi16(sums[r].odd, up);
    }
    for (size_t byte = run.begin; byte < run.end; ++byte, nibble += 2, table += 2) {
      const __m256i first = load(nibble[0]), second = load(nibble[1]);
      for (size_t r = 0; r < R; ++r) {
        const auto* of = table + r * sizeof tables[0] / sizeof table[0];
        sums[r].add(_mm256_add_epi8(_mm256_shuffle_epi8(twice(of[0]), first),
                                    _mm256_shuffle_epi8(twice(of[1]), second)));
      }
    }
  }
  for (size_t r = 0; r < R; ++r)
    add_to(rows[r] + offset, lanes, sums[r], runs[n - 1].shift, sizes[r]);
}

inline void strip(size_t first_row, size_t rows, size_t terms, size_t lanes, const int8_t* g,
                  const uint8_t* shifts, const uint32_t* b, const SumRows<int32_t>& s) {
  Tables tables[kRows][kWords];
  Nibbles nibbles[kWords];
  Run runs[kWords * 4];
  int32_t sizes[kRows];
  for (size_t first = 0; first < terms; first += 32 * kWords) {
    const size_t words = (terms - first) / 32 < kWords ? (terms - first) / 32 : kWords;
    const uint8_t* own = shifts == nullptr ? nullptr : shifts + first / kTermsTogether;
    const size_t n = make_runs(words, own, runs);
    for (size_t r = 0; r < rows; ++r)
      sizes[r] = make_row(words, g + (first_row + r) * terms + first, own, tables[r]);
    each_lanes(s, lanes, kLanes, [&](size_t l, size_t offset, size_t here) {
      for (size_t word = 0; word < words; ++word)
        make_nibbles(b + (first / 32 + word) * lanes + l, here, nibbles[word]);
      size_t r = 0;
      for (; r + 4 <= rows; r += 4)
        block<4>(n, runs, tables + r, nibbles, sizes + r, here,
                 Begins<int32_t, 4>(s, first_row + r).of, offset);
      for (; r < rows; ++r)
        block<1>(n, runs, tables + r, nibbles, sizes + r, here,
                 Begins<int32_t, 1>(s, first_row + r).of, offset);
    });
  }
}

}  // namespace

void byte_binary_avx2(size_t rows, size_t terms, size_t lanes, const int8_t* g,
                      const uint8_t* shifts, const uint32_t* b, const SumRows<int32_t>& s) {
  for (size_t r = 0; r < rows; r += kRows)
    strip(r, rows - r < kRows ? rows - r : kRows, terms, lanes, g, shifts, b, s);
}

}  // namespace edgebnn
