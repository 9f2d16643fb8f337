// Sums of four terms are looked up instead of added: TBL, by a table of eight halved sums in which
// the fourth term is subtracted; the other eight are their negatives, with the first three bits
// turned round. A lane's pattern becomes an index and a factor of ±2, once for all rows.
//
// On armv7 subnormal sums in float32 are 0, as NEON has it there; sums in float64 are VFP's.
#include <arm_neon.h>

#include "kernels/real_binary/real_binary.h"

namespace edgebnn {
namespace {

#if defined(__aarch64__)
constexpr size_t kRows = 4;  // whose sums lie in registers: 16 of 32
#else
constexpr size_t kRows = 2;  // 8 of 16
#endif
constexpr size_t kWords = kTermsInFloat / 32;
constexpr size_t kReady = 64;   // words whose tables lie ready: 16 KiB
constexpr size_t kVectors = 4;  // of four lanes

// Of a word's eight groups of four terms. Entry e adds the first three if bits 0, 1, 2 of e are
// set, else subtracts them.
struct Word {
  alignas(16) float tables[8][8];
};
// Where a lane's entry lies, byte by byte, and its factor.
struct Choice {
  uint8x16_t index;
  float32x4_t factor;
};
struct Choices {
  Choice of[kWords][8][kVectors];
};

inline float32x4_t add_product(float32x4_t sum, float32x4_t a, float32x4_t b) {
#if defined(__ARM_FEATURE_FMA)
  return vfmaq_f32(sum, a, b);
#else
  return vmlaq_f32(sum, a, b);
#endif
}

inline void make_table(const float* g, float* table) {
  alignas(16) static constexpr float kHalves[2][4] = {{-0.5f, 0.5f, -0.5f, 0.5f},
                                                      {-0.5f, -0.5f, 0.5f, 0.5f}};
  const float32x4_t half = vdupq_n_f32(0.5f);
  float32x4_t sum = vmulq_f32(vld1q_f32(kHalves[0]), vld1q_dup_f32(g));
  sum = add_product(sum, vld1q_f32(kHalves[1]), vld1q_dup_f32(g + 1));
  sum = vsubq_f32(sum, vmulq_f32(half, vld1q_dup_f32(g + 3)));
  const float32x4_t third = vmulq_f32(half, vld1q_dup_f32(g + 2));
  vst1q_f32(table, vsubq_f32(sum, third));
  vst1q_f32(table + 4, vaddq_f32(sum, third));
}

// Of 16 lanes' patterns, in the lower halves of bytes.
inline void make_choices(uint8x16_t patterns, Choice* choices) {
  const uint8x16_t fourth = vtstq_u8(patterns, vdupq_n_u8(8));
  const uint8x16_t entry = vandq_u8(veorq_u8(patterns, fourth), vdupq_n_u8(7));
  const uint8x16_t at = vshlq_n_u8(entry, 2);  // byte 0 of the entry
  // ±2 is a float all of whose bytes but the last are 0.
  const uint8x16_t last = vorrq_u8(vandq_u8(fourth, vdupq_n_u8(0x80)), vdupq_n_u8(0x40));
  const uint8x16x2_t twice = vzipq_u8(at, at), upper = vzipq_u8(vdupq_n_u8(0), last);
  const uint8x16_t bytes = vreinterpretq_u8_u32(vdupq_n_u32(0x03020100));
  for (size_t k = 0; k < 2; ++k) {
    const uint16x8_t two = vreinterpretq_u16_u8(twice.val[k]);
    const uint16x8x2_t index = vzipq_u16(two, two);
    const uint16x8x2_t factor = vzipq_u16(vdupq_n_u16(0), vreinterpretq_u16_u8(upper.val[k]));
    for (size_t j = 0; j < 2; ++j) {
      choices[k * 2 + j].index = vorrq_u8(vreinterpretq_u8_u16(index.val[j]), bytes);
      choices[k * 2 + j].factor = vreinterpretq_f32_u16(factor.val[j]);
    }
  }
}

// Of 16 lanes' words.
inline void make_choices(const uint32_t* b, Choice (*choices)[kVectors]) {
  const auto load = [&](size_t lane) { return vreinterpretq_u8_u32(vld1q_u32(b + lane)); };
  const uint8x16x2_t low = vuzpq_u8(load(0), load(4)), high = vuzpq_u8(load(8), load(12));
  for (size_t odd = 0; odd < 2; ++odd) {
    const uint8x16x2_t bytes = vuzpq_u8(low.val[odd], high.val[odd]);  // odd, and odd + 2
    for (size_t k = 0; k < 2; ++k) {
      Choice(*to)[kVectors] = choices + k * 4 + odd * 2;
      make_choices(bytes.val[k], to[0]);
      make_choices(vshrq_n_u8(bytes.val[k], 4), to[1]);
    }
  }
}

#if defined(__aarch64__)
using Table = uint8x16x2_t;
inline Table load(const float* table) {
  return {{vreinterpretq_u8_f32(vld1q_f32(table)), vreinterpretq_u8_f32(vld1q_f32(table + 4))}};
}
inline float32x4_t look_up(const Table& table, uint8x16_t index) {
  return vreinterpretq_f32_u8(vqtbl2q_u8(table, index));
}
inline void add_to(double* s, float32x4_t sum) {
  vst1q_f64(s, vaddq_f64(vld1q_f64(s), vcvt_f64_f32(vget_low_f32(sum))));
  vst1q_f64(s + 2, vaddq_f64(vld1q_f64(s + 2), vcvt_high_f64_f32(sum)));
}
#else
using Table = uint8x8x4_t;
inline Table load(const float* table) {
  const uint8x16_t low = vreinterpretq_u8_f32(vld1q_f32(table));
  const uint8x16_t high = vreinterpretq_u8_f32(vld1q_f32(table + 4));
  return {{vget_low_u8(low), vget_high_u8(low), vget_low_u8(high), vget_high_u8(high)}};
}
inline float32x4_t look_up(const Table& table, uint8x16_t index) {
  return vreinterpretq_f32_u8(
      vcombine_u8(vtbl4_u8(table, vget_low_u8(index)), vtbl4_u8(table, vget_high_u8(index))));
}
inline void add_to(double* s, float32x4_t sum) {
  float parts[4];
  vst1q_f32(parts, sum);
  for (size_t l = 0; l < 4; ++l) s[l] += static_cast<double>(parts[l]);
}
#endif

// R rows times 16 lanes. tables: [R][words].
template <size_t R>
inline void block(size_t words, const Word* tables, const Choices& choices,
                  const Begins<double, R>& rows, size_t offset) {
  float32x4_t sum[R][kVectors];
#pragma GCC unroll 4
  for (size_t r = 0; r < R; ++r) sum[r][0] = sum[r][1] = sum[r][2] = sum[r][3] = vdupq_n_f32(0);
  const float* table = tables->tables[0];
  const Choice* choice = choices.of[0][0];
#pragma GCC unroll 1
  for (size_t group = 0; group < 8 * words; ++group, table += 8, choice += kVectors) {
    Table of[R];
#pragma GCC unroll 4
    for (size_t r = 0; r < R; ++r) of[r] = load(table + r * words * 64);
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
      const Choice chosen = choice[v];
#pragma GCC unroll 4
      for (size_t r = 0; r < R; ++r)
        sum[r][v] = add_product(sum[r][v], look_up(of[r], chosen.index), chosen.factor);
#pragma GCC unroll 4
      for (size_t r = 0; r < R; ++r)  // no more is loaded before than registers hold
        asm volatile("" : "+w"(sum[r][v])::"memory");
    }
  }
#pragma GCC unroll 4
  for (size_t r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) add_to(rows.of[r] + offset + v * 4, sum[r][v]);
  }
}

}  // namespace

void real_binary_neon(size_t rows, size_t terms, size_t lanes, const float* g, const uint32_t* b,
                      const SumRows<double>& s) {
  Word tables[kReady];
  Choices choices;
  for (size_t first = 0; first < terms; first += 32 * kWords, b += kWords * lanes) {
    const size_t words = (terms - first) / 32 < kWords ? (terms - first) / 32 : kWords;
    const size_t together = kReady / words;
    for (size_t top = 0; top < rows; top += together) {
      const size_t here = rows - top < together ? rows - top : together;
      for (size_t r = 0; r < here; ++r) {
        for (size_t group = 0; group < words * 8; ++group)
          make_table(g + (top + r) * terms + first + group * 4,
                     tables[r * words + group / 8].tables[group % 8]);
      }
      each_lanes(s, lanes, kVectors * 4, [&](size_t l, size_t offset, size_t) {
        for (size_t word = 0; word < words; ++word)
          make_choices(b + word * lanes + l, choices.of[word]);
        size_t r = 0;
        for (; r + kRows <= here; r += kRows)
          block<kRows>(words, tables + r * words, choices, {s, top + r}, offset);
        for (; r < here; ++r) block<1>(words, tables + r * words, choices, {s, top + r}, offset);
      });
    }
  }
}

}  // namespace edgebnn
