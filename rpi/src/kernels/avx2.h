// What the AVX2 variants share that look sums of four terms up by the nibbles of 32 lanes.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace edgebnn {

static inline __m256i load(const void* at) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}
static inline void store(void* at, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(at), v); }
// A table of 16 bytes in both halves.
static inline __m256i twice(const uint8_t* table) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
}

inline constexpr size_t kLanes = 32;

// Nibbles of a word's eight groups of terms, a byte a lane; in the order of Halfwords.
struct Nibbles {
  alignas(32) uint8_t of[8][kLanes];
};

// The words of 32 lanes, or of 16.
static inline void make_nibbles(const uint32_t* b, size_t lanes, Nibbles& nibbles) {
  // Byte j of the four lanes of a half, side by side.
  const __m256i by_byte = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 0,
                                           4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m256i words[4];
  for (size_t q = 0; q < 4; ++q) words[q] = _mm256_shuffle_epi8(load(b + q * 8 % lanes), by_byte);
  for (size_t k = 0; k < 2; ++k) {  // bytes 2k and 2k + 1
    const __m256i even = k == 0 ? _mm256_unpacklo_epi8(words[0], words[2])
                                : _mm256_unpackhi_epi8(words[0], words[2]);
    const __m256i odd = k == 0 ? _mm256_unpacklo_epi8(words[1], words[3])
                               : _mm256_unpackhi_epi8(words[1], words[3]);
    const __m256i bytes[2] = {_mm256_unpacklo_epi64(even, odd), _mm256_unpackhi_epi64(even, odd)};
    for (size_t j = 0; j < 2; ++j) {
      const __m256i nibble = _mm256_set1_epi8(15);
      store(nibbles.of[4 * k + 2 * j], _mm256_and_si256(bytes[j], nibble));
      store(nibbles.of[4 * k + 2 * j + 1],
            _mm256_and_si256(_mm256_srli_epi16(bytes[j], 4), nibble));
    }
  }
}

// Sums of bytes, in halfwords, evens and odds: `odd` sums halfwords >> 8, and `all` halfwords as
// they are, modulo 2^16, so that all - (odd << 8) is the sum of the evens. Halfword i of a half of
// even() is lane 4h + i of eight lanes, 0..7 for i < 4 and 8..15 from there (of i - 4); of `odd`
// alike, 16 lanes on.
struct Halfwords {
  __m256i all, odd;
  void add(__m256i bytes) {
    all = _mm256_add_epi16(all, bytes);
    odd = _mm256_add_epi16(odd, _mm256_srli_epi16(bytes, 8));
  }
  __m256i even() const { return _mm256_sub_epi16(all, _mm256_slli_epi16(odd, 8)); }
};

}  // namespace edgebnn
