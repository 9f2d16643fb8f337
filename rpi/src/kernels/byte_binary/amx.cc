// A gradient is a tile's element as it is. A bit counts 2^shift, which fits a byte up to 2^6; of
// what counts more, the gradient takes 2^2: 31·4 fits as well.
#include "kernels/amx.h"

#include "kernels/byte_binary/byte_binary.h"

namespace edgebnn {
namespace {

using amx::kDepth;
using amx::kSide;
using amx::kTerms;

constexpr size_t kTiles = 4;  // of rows that lie ready: 32 KiB

struct Shifts {
  amx::Exponents of_bits;
  __mmask64 quadrupled;  // gradients
};

Shifts split(const uint8_t* shifts, size_t terms) {
  Shifts s{};
  for (size_t i = 0; i < kTerms / kTermsTogether; ++i) {
    const bool there = i * kTermsTogether < terms;
    const int shift = there && shifts != nullptr ? shifts[i] : 0;
    const bool more = shift > amx::kLargestExponent;
    s.of_bits[i] = static_cast<uint8_t>(there ? shift - (more ? 2 : 0) : amx::kAbsent);
    if (more) s.quadrupled |= __mmask64{255} << (i * kTermsTogether);
  }
  return s;
}

// A tile of gradients of the first `terms` terms.
inline void load(const int8_t* g, size_t stride, size_t terms, __mmask64 quadrupled, amx::Tile& a) {
  const __mmask64 there = terms == kTerms ? ~__mmask64{0} : (__mmask64{1} << terms) - 1;
  for (size_t r = 0; r < kSide; ++r, g += stride) {
    __m512i x = _mm512_maskz_loadu_epi8(there, g);
    x = _mm512_mask_add_epi8(x, quadrupled, x, x);
    x = _mm512_mask_add_epi8(x, quadrupled, x, x);
    _mm512_store_si512(a[r], x);
  }
}

// To a tile of rows.
inline void add(const amx::Sums& sums, int32_t* const* rows, size_t offset) {
  for (size_t r = 0; r < kSide; ++r) {
    int32_t* s = rows[r] + offset;
    _mm512_storeu_si512(s, _mm512_add_epi32(_mm512_loadu_si512(s), _mm512_load_si512(sums[r])));
  }
}

// One tile or two of rows times one or two of lanes.
template <bool kRows, bool kLanes>
inline void block(size_t depth, const amx::Tile (*a)[kDepth], const amx::Tile (*b)[kDepth],
                  int32_t* const* rows, size_t offset) {
  alignas(64) amx::Sums sums[4];
  amx::multiply<kRows, kLanes>(depth, a, b, sums);
  add(sums[0], rows, offset);
  if constexpr (kLanes) add(sums[1], rows, offset + kSide);
  if constexpr (kRows) add(sums[2], rows + kSide, offset);
  if constexpr (kRows && kLanes) add(sums[3], rows + kSide, offset + kSide);
}

template <bool kLanes>
inline void column(size_t first_row, size_t tiles, size_t depth, const amx::Tile (*a)[kDepth],
                   const amx::Tile (*b)[kDepth], const SumRows<int32_t>& s, size_t offset) {
  size_t tile = 0;
  for (; tile + 2 <= tiles; tile += 2, first_row += 2 * kSide)
    block<true, kLanes>(depth, a + tile, b, Begins<int32_t, 2 * kSide>(s, first_row).of, offset);
  if (tile < tiles)
    block<false, kLanes>(depth, a + tile, b, Begins<int32_t, kSide>(s, first_row).of, offset);
}

void strip(size_t first_row, size_t tiles, size_t terms, size_t lanes, const int8_t* g,
           const uint8_t* shifts, const uint32_t* bits, const SumRows<int32_t>& s) {
  g += first_row * terms;
  alignas(64) amx::Tile a[kTiles][kDepth], b[2][kDepth];
  for (size_t first = 0; first < terms; first += kDepth * kTerms) {
    const size_t left = terms - first;
    const amx::Depth depth(left < kDepth * kTerms ? left : kDepth * kTerms);
    Shifts split_shifts[kDepth];
    for (size_t k = 0; k < depth.tiles; ++k) {
      const size_t at = first + k * kTerms, here = depth.terms(k);
      split_shifts[k] = split(shifts == nullptr ? nullptr : shifts + at / kTermsTogether, here);
      for (size_t tile = 0; tile < tiles; ++tile)
        load(g + tile * kSide * terms + at, terms, here, split_shifts[k].quadrupled, a[tile][k]);
    }
    each_lanes(s, lanes, 2 * kSide, [&](size_t l, size_t offset, size_t n) {
      const bool two = n > kSide;
      for (size_t k = 0; k < depth.tiles; ++k) {
        const uint32_t* here = bits + (first + k * kTerms) / 32 * lanes + l;
        amx::spread(here, lanes, split_shifts[k].of_bits, b[0][k]);
        if (two) amx::spread(here + kSide, lanes, split_shifts[k].of_bits, b[1][k]);
      }
      (two ? column<true> : column<false>)(first_row, tiles, depth.tiles, a, b, s, offset);
    });
  }
}

}  // namespace

void byte_binary_amx(size_t rows, size_t terms, size_t lanes, const int8_t* g,
                     const uint8_t* shifts, const uint32_t* b, const SumRows<int32_t>& s) {
  const amx::Tiles configured;
  size_t r = 0;
  for (size_t tiles = 0; r + kSide <= rows; r += tiles * kSide) {
    tiles = (rows - r) / kSide < kTiles ? (rows - r) / kSide : kTiles;
    strip(r, tiles, terms, lanes, g, shifts, b, s);
  }
  byte_binary_avx512(rows - r, terms, lanes, g + r * terms, shifts, b, rows_from(s, r));
}

}  // namespace edgebnn
