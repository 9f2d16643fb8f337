// Products of whole tiles (AMX): sums[16][16] += a[16][64]·b[64][16], of signed bytes, in 16
// cycles. Gradients, split into as many bytes as they need, are a; bits, spread to bytes of -1 and
// +1, b.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace edgebnn::amx {

constexpr size_t kSide = 16, kTerms = 64;  // of a tile: rows and lanes, terms
constexpr size_t kDepth = 8;               // tiles of terms that lie ready: spread bits fill 16 KiB

// A tile of a is [row][term]; of b, [term/4][lane][term%4].
using Tile = int8_t[kSide][kTerms];

// Tiles 0 to 3 are sums, 4 and 5 a, 6 and 7 b: all of 16 rows of 64 bytes.
class Tiles {
 public:
  Tiles() {
    struct alignas(64) {
      uint8_t palette = 1, start = 0, unused[14] = {};
      uint16_t row_bytes[16] = {kTerms, kTerms, kTerms, kTerms, kTerms, kTerms, kTerms, kTerms};
      uint8_t rows[16] = {kSide, kSide, kSide, kSide, kSide, kSide, kSide, kSide};
    } config;
    _tile_loadconfig(&config);
  }
  ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
};

// Bits of 64 terms of a pair of lanes that are byte 0 to 7 of a row of b's first half.
struct Places {
  alignas(64) uint8_t of[8][64];
  constexpr Places() : of() {
    for (int row = 0; row < 8; ++row) {
      for (int i = 0; i < 64; ++i)
        of[row][i] = static_cast<uint8_t>(i / 4 % 2 * 32 + row * 4 + i % 4);
    }
  }
};
inline constexpr Places kPlaces;

// Bytes of what a bit may count: ±2^0 to ±2^6, and 0 for a term that is not there.
constexpr int kLargestExponent = 6, kAbsent = 7;
struct Powers {
  alignas(64) int8_t plus[8][64], minus[8][64];
  constexpr Powers() : plus(), minus() {
    for (int power = 0; power <= kLargestExponent; ++power) {
      for (int i = 0; i < 64; ++i) {
        plus[power][i] = static_cast<int8_t>(1 << power);
        minus[power][i] = static_cast<int8_t>(-(1 << power));
      }
    }
  }
};
inline constexpr Powers kPowers;

// What 64 terms count, by eights: 2^exponent.
using Exponents = uint8_t[kTerms / 8];

// A tile of b: 16 lanes of bits, [terms/32][lanes].
inline void spread(const uint32_t* bits, size_t lanes, const Exponents& exponents, Tile& b) {
  for (size_t word = 0; word < 2; ++word) {
    const bool there = exponents[word * 4] != kAbsent;
    const __m512i here = _mm512_loadu_si512(bits + (there ? word * lanes : 0));
    for (size_t row = 0; row < 8; ++row) {
      const size_t exponent = exponents[word * 4 + row / 2];
      const __mmask64 set = _mm512_bitshuffle_epi64_mask(here, _mm512_load_si512(kPlaces.of[row]));
      _mm512_store_si512(b[word * 8 + row],
                         _mm512_mask_blend_epi8(set, _mm512_load_si512(kPowers.minus[exponent]),
                                                _mm512_load_si512(kPowers.plus[exponent])));
    }
  }
}

// Of a strip's tiles: how many of terms, and how many terms of the last are there.
struct Depth {
  explicit Depth(size_t terms)
      : tiles((terms + kTerms - 1) / kTerms), last(terms - (tiles - 1) * kTerms) {}
  size_t terms(size_t tile) const { return tile + 1 < tiles ? kTerms : last; }
  size_t tiles, last;
};

using Sums = int32_t[kSide][kSide];

// sums[0] and [1] (kLanes: two tiles of lanes) = a[0]·b, and (kRows) sums[2] and [3] = a[1]·b, over
// `depth` tiles of terms.
template <bool kRows, bool kLanes>
inline void multiply(size_t depth, const Tile (*a)[kDepth], const Tile (*b)[kDepth],
                     Sums (&sums)[4]) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (size_t k = 0; k < depth; ++k) {
    _tile_loadd(6, b[0][k], kTerms);
    _tile_loadd(4, a[0][k], kTerms);
    _tile_dpbssd(0, 4, 6);
    if constexpr (kLanes) {
      _tile_loadd(7, b[1][k], kTerms);
      _tile_dpbssd(1, 4, 7);
    }
    if constexpr (kRows) {
      _tile_loadd(5, a[1][k], kTerms);
      _tile_dpbssd(2, 5, 6);
      if constexpr (kLanes) _tile_dpbssd(3, 5, 7);
    }
  }
  _tile_stored(0, sums[0], sizeof sums[0][0]);
  if constexpr (kLanes) _tile_stored(1, sums[1], sizeof sums[0][0]);
  if constexpr (kRows) _tile_stored(2, sums[2], sizeof sums[0][0]);
  if constexpr (kRows && kLanes) _tile_stored(3, sums[3], sizeof sums[0][0]);
}

}  // namespace edgebnn::amx
