// What neon.cc looks up, and where: sums of four terms by the pattern of their signs, and patterns.
// Internal to it, as the kernels of an ISA share no code with others.
#pragma once

#include <arm_neon.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace edgebnn {
namespace {

constexpr size_t kEight = 8;  // lanes of a vector
// Vectors of a block: its sums, of a row, lie in registers.
#if defined(__aarch64__)
constexpr size_t kVectors = 8;  // 16 of 32
#else
constexpr size_t kVectors = 4;  // 8 of 16
#endif
constexpr size_t kWords = 8;   // 32 steps of at most 2 · 255: a halfword holds them
constexpr size_t kOver = 12;   // of rows looked up as one: 48 steps, 6 KiB of indices
constexpr size_t kReady = 96;  // words whose tables lie ready: 24 KiB

// A step looks up 8 terms, two groups of four; a word of terms has four steps.
struct Table {
  alignas(16) uint8_t lower[2][16], upper[2][16];  // of both groups, by pattern
};
struct Word {
  Table steps[4];
};
using Index = uint8_t[kVectors][16];
struct Indices {
  alignas(16) Index of[kOver * 4 + 1];  // the last is loaded, and not used
};

// The sums of four terms of every pattern, added and subtracted by its bits.
template <int Half>
inline uint8x16x2_t sums_of_four(int16x8_t g) {
  alignas(16) static constexpr int16_t kSigns[3][8] = {
      {-1, 1, -1, 1, -1, 1, -1, 1}, {-1, -1, 1, 1, -1, -1, 1, 1}, {-1, -1, -1, -1, 1, 1, 1, 1}};
  const int16x4_t four = Half == 0 ? vget_low_s16(g) : vget_high_s16(g);
  int16x8_t three = vmulq_lane_s16(vld1q_s16(kSigns[0]), four, 0);
  three = vmlaq_lane_s16(three, vld1q_s16(kSigns[1]), four, 1);
  three = vmlaq_lane_s16(three, vld1q_s16(kSigns[2]), four, 2);
  const int16x8_t last = vdupq_lane_s16(four, 3);
  const uint8x16_t less = vreinterpretq_u8_s16(vsubq_s16(three, last));
  return vuzpq_u8(less, vreinterpretq_u8_s16(vaddq_s16(three, last)));
}

inline void store(uint8x16x2_t sums, size_t group, Table& table) {
  vst1q_u8(table.lower[group], sums.val[0]);
  vst1q_u8(table.upper[group], sums.val[1]);
}

// Of each halfword of terms, groups 0 and 2, then 1 and 3: as the nibbles of its bytes stand.
inline void make_tables(const int16_t* g, Word& word) {
  for (size_t half = 0; half < 2; ++half) {
    for (size_t byte = 0; byte < 2; ++byte) {
      const int16x8_t terms = vld1q_s16(g + half * 16 + byte * 8);
      store(sums_of_four<0>(terms), byte, word.steps[half * 2]);
      store(sums_of_four<1>(terms), byte, word.steps[half * 2 + 1]);
    }
  }
}

// Indices as they are made. Of an index's bytes the upper nibble is constant: the upper byte's
// table is the second. An index is made in the place of the last but one, of which it keeps that.
struct Nibbles {
  uint8x16_t of[8];

  Nibbles() { std::fill_n(of, 8, vreinterpretq_u8_u16(vdupq_n_u16(0x1000))); }
  // Of eight lanes' words.
  inline void make(const uint32_t* b, size_t v, Index* indices) {
    const uint16x8_t low = vreinterpretq_u16_u32(vld1q_u32(b));
    const uint16x8x2_t halves = vuzpq_u16(low, vreinterpretq_u16_u32(vld1q_u32(b + 4)));
#pragma GCC unroll 4
    for (size_t step = 0; step < 4; ++step) {
      const uint8x16_t bytes = vreinterpretq_u8_u16(halves.val[step / 2]);
      uint8x16_t& made = of[v % 2 * 4 + step];
      asm("" : "+w"(made));  // else what is constant is made anew
      made = step % 2 == 0 ? vbslq_u8(vdupq_n_u8(15), bytes, made) : vsriq_n_u8(made, bytes, 4);
      vst1q_u8(indices[step][v], made);
    }
  }
};

}  // namespace
}  // namespace edgebnn
