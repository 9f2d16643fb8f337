// One word of two units a vector, against one word of a row, in both halves: xor, the set bits of
// each byte (CNT), add. Every 31 words the bytes are added in pairs until each unit has one sum.
#include <arm_neon.h>

#include "kernels/binary_binary/binary_binary.h"

namespace edgebnn {
namespace {

#if defined(__aarch64__)
constexpr size_t kRows = 4;  // 16 sums of bytes, of 32 registers
#else
constexpr size_t kRows = 2;  // 8, of 16
#endif
constexpr size_t kVectors = kUnitsTogether / 2;
constexpr size_t kWordsInBytes = 31;  // 31 · 8 bits fit a byte

// Sums of neighbours: those of a, then those of b.
inline uint16x8_t pairs(uint16x8_t a, uint16x8_t b) {
#if defined(__aarch64__)
  return vpaddq_u16(a, b);
#else
  return vcombine_u16(vpadd_u16(vget_low_u16(a), vget_high_u16(a)),
                      vpadd_u16(vget_low_u16(b), vget_high_u16(b)));
#endif
}

// Twice the bits that are set, of each of eight units; at most 2 · 64 · 31.
inline int16x8_t twice(const uint8x16_t* bytes) {
  const uint16x8_t low = pairs(vpaddlq_u8(bytes[0]), vpaddlq_u8(bytes[1]));
  const uint16x8_t high = pairs(vpaddlq_u8(bytes[2]), vpaddlq_u8(bytes[3]));
  return vreinterpretq_s16_u16(vshlq_n_u16(pairs(low, high), 1));
}

// R rows times eight units, of which `left` are there.
template <size_t R>
inline void block(size_t words, int32_t bits, const uint64_t* x, const uint64_t* w, size_t left,
                  size_t stride, int32_t* y) {
  int32x4_t sum[R][2];
  for (auto& row : sum) row[0] = row[1] = vdupq_n_s32(bits);
  const uint64_t* row[R];
  for (size_t m = 0; m < R; ++m) row[m] = x + m * words;
  for (size_t first = 0; first < words; first += kWordsInBytes) {
    const size_t count = words - first < kWordsInBytes ? words - first : kWordsInBytes;
    uint8x16_t bytes[R][kVectors];
#pragma GCC unroll 4
    for (size_t m = 0; m < R; ++m)
      bytes[m][0] = bytes[m][1] = bytes[m][2] = bytes[m][3] = vdupq_n_u8(0);
#pragma GCC unroll 1
    for (size_t k = 0; k < count; ++k, w += kUnitsTogether) {
      uint8x16_t word[R];
#pragma GCC unroll 4
      for (size_t m = 0; m < R; ++m) word[m] = vreinterpretq_u8_u64(vld1q_dup_u64(row[m]++));
      uint8x16_t two[kVectors];
#if defined(__aarch64__)  // all are loaded before any is used: cores that run in order wait once
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectors; ++v) two[v] = vreinterpretq_u8_u64(vld1q_u64(w + v * 2));
      if constexpr (R == 4) {
        asm volatile(""
                     : "+w"(word[0]), "+w"(word[1]), "+w"(word[2]), "+w"(word[3]), "+w"(two[0]),
                       "+w"(two[1]), "+w"(two[2]), "+w"(two[3])::"memory");
      }
#endif
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectors; ++v) {
#if !defined(__aarch64__)
        two[v] = vreinterpretq_u8_u64(vld1q_u64(w + v * 2));
#endif
#pragma GCC unroll 4
        for (size_t m = 0; m < R; ++m)
          bytes[m][v] = vaddq_u8(bytes[m][v], vcntq_u8(veorq_u8(word[m], two[v])));
#if !defined(__aarch64__)  // no more units are loaded before than registers hold
        asm volatile("" : "+w"(bytes[R - 1][v])::"memory");
#endif
      }
    }
#pragma GCC unroll 4
    for (size_t m = 0; m < R; ++m) {
      const int16x8_t differ = twice(bytes[m]);
      sum[m][0] = vsubw_s16(sum[m][0], vget_low_s16(differ));
      sum[m][1] = vsubw_s16(sum[m][1], vget_high_s16(differ));
    }
  }
#pragma GCC unroll 4
  for (size_t m = 0; m < R; ++m, y += stride) {
    if (left == kUnitsTogether) {
      vst1q_s32(y, sum[m][0]);
      vst1q_s32(y + 4, sum[m][1]);
      continue;
    }
    int32_t all[kUnitsTogether];
    vst1q_s32(all, sum[m][0]);
    vst1q_s32(all + 4, sum[m][1]);
    for (size_t n = 0; n < left; ++n) y[n] = all[n];
  }
}

}  // namespace

void binary_binary_neon(size_t rows, size_t units, size_t words, int32_t bits, const uint64_t* x,
                        const uint64_t* w, int32_t* y) {
  for (size_t n = 0; n < units; n += kUnitsTogether) {
    const size_t left = units - n < kUnitsTogether ? units - n : kUnitsTogether;
    const uint64_t* strip = w + n * words;
    size_t m = 0;
    for (; m + kRows <= rows; m += kRows)
      block<kRows>(words, bits, x + m * words, strip, left, units, y + m * units + n);
    for (; m + 2 <= rows; m += 2)
      block<2>(words, bits, x + m * words, strip, left, units, y + m * units + n);
    if (m < rows) block<1>(words, bits, x + m * words, strip, left, units, y + m * units + n);
  }
}

}  // namespace edgebnn
