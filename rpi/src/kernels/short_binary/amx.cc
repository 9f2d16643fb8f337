// A gradient is two bytes, 2^7·upper + lower with -64 <= lower < 64, each with a product of its
// own.
#include "kernels/amx.h"

#include "kernels/short_binary/short_binary.h"

namespace edgebnn {
namespace {

using amx::kDepth;
using amx::kSide;
using amx::kTerms;

constexpr size_t kTiles = 2;  // of rows that lie ready, two bytes each: 32 KiB
constexpr int kUpper = 7;

// Tiles of gradients of the first `terms` terms.
inline void load(const int16_t* g, size_t stride, size_t terms, amx::Tile& upper,
                 amx::Tile& lower) {
  const __m512i half = _mm512_set1_epi16(1 << (kUpper - 1));
  for (size_t r = 0; r < kSide; ++r, g += stride) {
    for (size_t t = 0; t < kTerms; t += 32) {
      const __m512i x = t < terms ? _mm512_loadu_si512(g + t) : _mm512_setzero_si512();
      const __m512i high = _mm512_srai_epi16(_mm512_add_epi16(x, half), kUpper);
      const __m512i low = _mm512_sub_epi16(x, _mm512_slli_epi16(high, kUpper));
      _mm256_store_si256(reinterpret_cast<__m256i*>(upper[r] + t), _mm512_cvtepi16_epi8(high));
      _mm256_store_si256(reinterpret_cast<__m256i*>(lower[r] + t), _mm512_cvtepi16_epi8(low));
    }
  }
}

// s += 2^7·upper + lower.
inline void add(const amx::Sums& upper, const amx::Sums& lower, int32_t* const* rows,
                size_t offset) {
  for (size_t r = 0; r < kSide; ++r) {
    int32_t* s = rows[r] + offset;
    const __m512i high = _mm512_slli_epi32(_mm512_load_si512(upper[r]), kUpper);
    const __m512i sum = _mm512_add_epi32(high, _mm512_load_si512(lower[r]));
    _mm512_storeu_si512(s, _mm512_add_epi32(_mm512_loadu_si512(s), sum));
  }
}

// A tile of rows, as two of bytes, times one or two of lanes.
template <bool kLanes>
inline void block(size_t depth, const amx::Tile (*a)[kDepth], const amx::Tile (*b)[kDepth],
                  int32_t* const* rows, size_t offset) {
  alignas(64) amx::Sums sums[4];
  amx::multiply<true, kLanes>(depth, a, b, sums);
  add(sums[0], sums[2], rows, offset);
  if constexpr (kLanes) add(sums[1], sums[3], rows, offset + kSide);
}

void strip(size_t first_row, size_t tiles, size_t terms, size_t lanes, const int16_t* g,
           const uint32_t* bits, const SumRows<int32_t>& s) {
  g += first_row * terms;
  alignas(64) amx::Tile a[kTiles][2][kDepth], b[2][kDepth];
  constexpr amx::Exponents kWhole = {},
                           kHalf = {0,           0, 0, 0, amx::kAbsent, amx::kAbsent, amx::kAbsent,
                                    amx::kAbsent};
  for (size_t first = 0; first < terms; first += kDepth * kTerms) {
    const size_t left = terms - first;
    const amx::Depth depth(left < kDepth * kTerms ? left : kDepth * kTerms);
    for (size_t k = 0; k < depth.tiles; ++k) {
      for (size_t tile = 0; tile < tiles; ++tile)
        load(g + tile * kSide * terms + first + k * kTerms, terms, depth.terms(k), a[tile][0][k],
             a[tile][1][k]);
    }
    each_lanes(s, lanes, 2 * kSide, [&](size_t l, size_t offset, size_t n) {
      const bool two = n > kSide;
      for (size_t k = 0; k < depth.tiles; ++k) {
        const uint32_t* here = bits + (first + k * kTerms) / 32 * lanes + l;
        const amx::Exponents& exponents = depth.terms(k) == kTerms ? kWhole : kHalf;
        amx::spread(here, lanes, exponents, b[0][k]);
        if (two) amx::spread(here + kSide, lanes, exponents, b[1][k]);
      }
      for (size_t tile = 0; tile < tiles; ++tile)
        (two ? block<true> : block<false>)(depth.tiles, a[tile], b,
                                           Begins<int32_t, kSide>(s, first_row + tile * kSide).of,
                                           offset);
    });
  }
}

}  // namespace

void short_binary_amx(size_t rows, size_t terms, size_t lanes, const int16_t* g, const uint32_t* b,
                      const SumRows<int32_t>& s) {
  const amx::Tiles configured;
  size_t r = 0;
  for (size_t tiles = 0; r + kSide <= rows; r += tiles * kSide) {
    tiles = (rows - r) / kSide < kTiles ? (rows - r) / kSide : kTiles;
    strip(r, tiles, terms, lanes, g, b, s);
  }
  short_binary_avx512(rows - r, terms, lanes, g + r * terms, b, rows_from(s, r));
}

}  // namespace edgebnn
