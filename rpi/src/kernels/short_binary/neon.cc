// Sums of four terms are looked up instead of added: TBL, in two planes of
// bytes, the lower unsigned and the upper signed. A table holds two groups of
// four, an index vector both groups of eight lanes side by side: so one UADALP
// or SADALP adds the pair to the lane's halfword.
#include <arm_neon.h>

#include "kernels/short_binary/short_binary.h"

namespace edgebnn {
namespace {

#if defined(__aarch64__)
constexpr size_t kRows = 2;  // whose sums lie in registers: 16 of 32
#else
constexpr size_t kRows = 1;  // 8 of 16
#endif
constexpr size_t kWords = 8;   // 32 steps of at most 2 · 255: a halfword holds them
constexpr size_t kReady = 64;  // words whose tables lie ready: 16 KiB
constexpr size_t kVectors = 4,
                 kEight = 8;  // lanes of a block: four vectors of eight

// A step looks up 8 terms, two groups of four; a word of terms has four steps.
struct Table {
  alignas(16) uint8_t lower[2][16], upper[2][16];  // of both groups, by pattern
};
struct Word {
  Table steps[4];
};
struct Indices {
  alignas(16) uint8_t of[kWords][4][kVectors][16];
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

// Of each halfword of terms, groups 0 and 2, then 1 and 3: as the nibbles of
// its bytes stand.
inline void make_tables(const int16_t* g, Word& word) {
  for (size_t half = 0; half < 2; ++half) {
    for (size_t byte = 0; byte < 2; ++byte) {
      const int16x8_t terms = vld1q_s16(g + half * 16 + byte * 8);
      store(sums_of_four<0>(terms), byte, word.steps[half * 2]);
      store(sums_of_four<1>(terms), byte, word.steps[half * 2 + 1]);
    }
  }
}

// Of eight lanes' words. Of an index's bytes the upper half is constant: the
// upper byte's table is the second. The nibbles are inserted below it.
inline void make_indices(const uint32_t* b, size_t v, uint8_t (*indices)[kVectors][16]) {
  const uint16x8_t low = vreinterpretq_u16_u32(vld1q_u32(b));
  const uint16x8x2_t halves = vuzpq_u16(low, vreinterpretq_u16_u32(vld1q_u32(b + 4)));
  const uint8x16_t second = vreinterpretq_u8_u16(vdupq_n_u16(0x1000));
#pragma GCC unroll 2
  for (size_t half = 0; half < 2; ++half) {
    const uint8x16_t bytes = vreinterpretq_u8_u16(halves.val[half]);
    vst1q_u8(indices[half * 2][v], vbslq_u8(vdupq_n_u8(15), bytes, second));
    vst1q_u8(indices[half * 2 + 1][v], vsriq_n_u8(second, bytes, 4));
  }
}

#if defined(__aarch64__)
using Plane = uint8x16x2_t;
inline Plane load(const uint8_t (*plane)[16]) { return {{vld1q_u8(plane[0]), vld1q_u8(plane[1])}}; }
inline uint8x16_t look_up(const Plane& plane, uint8x16_t index) { return vqtbl2q_u8(plane, index); }
#else
using Plane = uint8x8x4_t;
inline Plane load(const uint8_t (*plane)[16]) {
  const uint8x16_t first = vld1q_u8(plane[0]), second = vld1q_u8(plane[1]);
  return {{vget_low_u8(first), vget_high_u8(first), vget_low_u8(second), vget_high_u8(second)}};
}
inline uint8x16_t look_up(const Plane& plane, uint8x16_t index) {
  return vcombine_u8(vtbl4_u8(plane, vget_low_u8(index)), vtbl4_u8(plane, vget_high_u8(index)));
}
#endif

// Made before any later load: so the scheduler loads no more tables than
// registers hold.
template <class T>
inline void settle(T& sum) {
  asm volatile("" : "+w"(sum)::"memory");
}

// A row's step: its sums that `at` chooses.
template <size_t V>
inline void add_step(const Table& table, const uint8x16_t (&at)[V], uint16x8_t (&lower)[V],
                     int16x8_t (&upper)[V]) {
  Plane low = load(table.lower);
#if defined(__aarch64__)
  // Both planes are loaded before either is used: cores that run in order wait
  // once.
  Plane high = load(table.upper);
  asm volatile(""
               : "+w"(low.val[0]), "+w"(low.val[1]), "+w"(high.val[0]),
                 "+w"(high.val[1])::"memory");
#endif
#pragma GCC unroll 4
  for (size_t v = 0; v < V; ++v) lower[v] = vpadalq_u8(lower[v], look_up(low, at[v]));
#if !defined(__aarch64__)
#pragma GCC unroll 4
  for (size_t v = 0; v < V; ++v) settle(lower[v]);
  Plane high = load(table.upper);
#endif
#pragma GCC unroll 4
  for (size_t v = 0; v < V; ++v)
    upper[v] = vpadalq_s8(upper[v], vreinterpretq_s8_u8(look_up(high, at[v])));
#pragma GCC unroll 4
  for (size_t v = 0; v < V; ++v) {
    settle(lower[v]);
    settle(upper[v]);
  }
}

// s += lower + 256·upper, of four lanes.
inline void add_to(int32_t* s, uint16x4_t lower, int16x4_t upper) {
  const int32x4_t sum = vmlal_n_s16(vld1q_s32(s), upper, 256);
  vst1q_s32(s, vreinterpretq_s32_u32(vaddw_u16(vreinterpretq_u32_s32(sum), lower)));
}

// R rows times V vectors of lanes. tables: [R][words].
template <size_t R, size_t V>
inline void block(size_t words, const Word* tables, const Indices& indices,
                  const Begins<int32_t, R>& rows, size_t offset) {
  uint16x8_t lower[R][V];
  int16x8_t upper[R][V];
  for (size_t r = 0; r < R; ++r) {
    for (size_t v = 0; v < V; ++v) {
      lower[r][v] = vdupq_n_u16(0);
      upper[r][v] = vdupq_n_s16(0);
    }
  }
  const uint8_t (*index)[kVectors][16] = indices.of[0];
#pragma GCC unroll 1
  for (size_t word = 0; word < words; ++word, ++tables) {
#pragma GCC unroll 4
    for (size_t step = 0; step < 4; ++step, ++index) {
      uint8x16_t at[V];
#pragma GCC unroll 4
      for (size_t v = 0; v < V; ++v) at[v] = vld1q_u8((*index)[v]);
#pragma GCC unroll 4
      for (size_t r = 0; r < R; ++r)
        add_step(tables[r * words].steps[step], at, lower[r], upper[r]);
    }
  }
  for (size_t r = 0; r < R; ++r) {
    for (size_t v = 0; v < V; ++v) {
      int32_t* to = rows.of[r] + offset + v * kEight;
      add_to(to, vget_low_u16(lower[r][v]), vget_low_s16(upper[r][v]));
      add_to(to + 4, vget_high_u16(lower[r][v]), vget_high_s16(upper[r][v]));
    }
  }
}

// V vectors of lanes, all rows.
template <size_t V>
inline void strip(size_t first_row, size_t rows, size_t words, const Word* tables, size_t lanes,
                  const uint32_t* b, const SumRows<int32_t>& s, size_t offset) {
  Indices indices;
  for (size_t word = 0; word < words; ++word) {
    for (size_t v = 0; v < V; ++v) make_indices(b + word * lanes + v * kEight, v, indices.of[word]);
  }
  size_t r = 0;
  for (; r + kRows <= rows; r += kRows)
    block<kRows, V>(words, tables + r * words, indices, {s, first_row + r}, offset);
  for (; r < rows; ++r) block<1, V>(words, tables + r * words, indices, {s, first_row + r}, offset);
}

}  // namespace

void short_binary_neon(size_t rows, size_t terms, size_t lanes, const int16_t* g, const uint32_t* b,
                       const SumRows<int32_t>& s) {
  Word tables[kReady];
  for (size_t first = 0; first < terms; first += 32 * kWords, b += kWords * lanes) {
    const size_t words = (terms - first) / 32 < kWords ? (terms - first) / 32 : kWords;
    const size_t together = kReady / words;
    for (size_t r = 0; r < rows; r += together) {
      const size_t here = rows - r < together ? rows - r : together;
      for (size_t word = 0; word < here * words; ++word)
        make_tables(g + (r + word / words) * terms + first + word % words * 32, tables[word]);
      each_lanes(s, lanes, kVectors * kEight, [&](size_t l, size_t offset, size_t n) {
        if (n == kVectors * kEight)
          return strip<kVectors>(r, here, words, tables, lanes, b + l, s, offset);
        strip<2>(r, here, words, tables, lanes, b + l, s, offset);
      });
    }
  }
}

}  // namespace edgebnn
