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

// One tile or two of rows times one or two of lanes.
template <bool kRows, bool kLanes>
inline void block(size_t depth, size_t lanes, const amx::Tile (*a)[kDepth],
                  const amx::Tile (*b)[kDepth], int32_t* s) {
  const size_t stride = lanes * sizeof(int32_t);
  int32_t* lower = s + kSide * lanes;
  _tile_loadd(0, s, stride);
  if constexpr (kLanes) _tile_loadd(1, s + kSide, stride);
  if constexpr (kRows) _tile_loadd(2, lower, stride);
  if constexpr (kRows && kLanes) _tile_loadd(3, lower + kSide, stride);
  amx::multiply<kRows, kLanes>(depth, a, b);
  _tile_stored(0, s, stride);
  if constexpr (kLanes) _tile_stored(1, s + kSide, stride);
  if constexpr (kRows) _tile_stored(2, lower, stride);
  if constexpr (kRows && kLanes) _tile_stored(3, lower + kSide, stride);
}

template <bool kLanes>
inline void column(size_t tiles, size_t depth, size_t lanes, const amx::Tile (*a)[kDepth],
                   const amx::Tile (*b)[kDepth], int32_t* s) {
  size_t tile = 0;
  for (; tile + 2 <= tiles; tile += 2, s += 2 * kSide * lanes)
    block<true, kLanes>(depth, lanes, a + tile, b, s);
  if (tile < tiles) block<false, kLanes>(depth, lanes, a + tile, b, s);
}

void strip(size_t tiles, size_t terms, size_t lanes, const int8_t* g, const uint8_t* shifts,
           const uint32_t* bits, int32_t* s) {
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
    for (size_t l = 0; l < lanes; l += 2 * kSide) {
      const bool two = l + kSide < lanes;
      for (size_t k = 0; k < depth.tiles; ++k) {
        const uint32_t* here = bits + (first + k * kTerms) / 32 * lanes + l;
        amx::spread(here, lanes, split_shifts[k].of_bits, b[0][k]);
        if (two) amx::spread(here + kSide, lanes, split_shifts[k].of_bits, b[1][k]);
      }
      (two ? column<true> : column<false>)(tiles, depth.tiles, lanes, a, b, s + l);
    }
  }
}

}  // namespace

void byte_binary_amx(size_t rows, size_t terms, size_t lanes, const int8_t* g,
                     const uint8_t* shifts, const uint32_t* b, int32_t* s) {
  const amx::Tiles configured;
  while (rows >= kSide) {
    const size_t tiles = rows / kSide < kTiles ? rows / kSide : kTiles, some = tiles * kSide;
    strip(tiles, terms, lanes, g, shifts, b, s);
    rows -= some, g += some * terms, s += some * lanes;
  }
  byte_binary_avx512(rows, terms, lanes, g, shifts, b, s);
}

}  // namespace edgebnn
