// Where NEON has an instruction of its own for what vector.h would write as several: a vector of
// sixteen as its parts of one register each. Included by vector.h alone.
#pragma once

#include <arm_neon.h>

namespace edgebnn {
namespace {
namespace neon {

struct Words4 {
  int32x4_t part[4];
};
struct Floats4 {
  float32x4_t part[4];
};

template <class Parts, class V>
[[gnu::always_inline]] inline Parts parts_of(const V& v) {
  return {{__builtin_shufflevector(v, v, 0, 1, 2, 3), __builtin_shufflevector(v, v, 4, 5, 6, 7),
           __builtin_shufflevector(v, v, 8, 9, 10, 11),
           __builtin_shufflevector(v, v, 12, 13, 14, 15)}};
}

template <class V, class Parts>
[[gnu::always_inline]] inline V joined(const Parts& p) {
  const auto low = __builtin_shufflevector(p.part[0], p.part[1], 0, 1, 2, 3, 4, 5, 6, 7);
  const auto high = __builtin_shufflevector(p.part[2], p.part[3], 0, 1, 2, 3, 4, 5, 6, 7);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

[[gnu::always_inline]] inline Floats clamped(Floats x, float low, float high) {
  Floats4 p = parts_of<Floats4>(x);
  for (auto& part : p.part) part = vminq_f32(vmaxq_f32(part, vdupq_n_f32(low)), vdupq_n_f32(high));
  return joined<Floats>(p);
}

// A mask like any other to the compiler: what is made of it shall not be made of its bits, lane by
// lane.
[[gnu::always_inline]] inline Ints mask_of(uint16_t word) {
  alignas(16) static constexpr uint32_t kBit[16] = {
      1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
      1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
  Words4 mask;
  for (int i = 0; i < 4; ++i) {
    uint32x4_t part = vtstq_u32(vdupq_n_u32(word), vld1q_u32(kBit + 4 * i));
    asm("" : "+w"(part));
    mask.part[i] = vreinterpretq_s32_u32(part);
  }
  return joined<Ints>(mask);
}

alignas(16) constexpr uint8_t kBitOfByte[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                                1, 2, 4, 8, 16, 32, 64, 128};

[[gnu::always_inline]] inline Vector<int8_t> byte_mask_of(uint16_t word) {
  const uint8x8_t bytes = vreinterpret_u8_u16(vdup_n_u16(word));
  const uint8x16_t both = vcombine_u8(vdup_lane_u8(bytes, 0), vdup_lane_u8(bytes, 1));
  return (Vector<int8_t>)vtstq_u8(both, vld1q_u8(kBitOfByte));
}

[[gnu::always_inline]] inline Vector<int16_t> halfword_mask_of(uint16_t word) {
  const uint16x8_t all = vdupq_n_u16(word);
  const uint16x8_t low = vtstq_u16(all, vmovl_u8(vld1_u8(kBitOfByte)));
  const uint16x8_t high = vtstq_u16(all, vshll_n_u8(vld1_u8(kBitOfByte), 8));
  return (Vector<int16_t>)__builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                                  12, 13, 14, 15);
}

// Of a mask, bit i % 8 in byte i.
[[gnu::always_inline]] inline uint8x16_t bits_in_place(Ints mask) {
  const Words4 p = parts_of<Words4>(mask);
  const int16x8_t low = vcombine_s16(vmovn_s32(p.part[0]), vmovn_s32(p.part[1]));
  const int16x8_t high = vcombine_s16(vmovn_s32(p.part[2]), vmovn_s32(p.part[3]));
  const uint8x16_t bytes = vreinterpretq_u8_s8(vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
  return vandq_u8(bytes, vld1q_u8(kBitOfByte));
}

// Bytes are added up by eights: of the first mask, and of the second. Returns two bytes of each.
[[gnu::always_inline]] inline uint32_t sums_of_eights(uint8x16_t first, uint8x16_t second) {
#if defined(__aarch64__)
  uint8x16_t sum = vpaddq_u8(first, second);
  sum = vpaddq_u8(sum, sum);
  sum = vpaddq_u8(sum, sum);
  return vgetq_lane_u32(vreinterpretq_u32_u8(sum), 0);
#else
  const auto halved = [](uint8x16_t v) { return vpadd_u8(vget_low_u8(v), vget_high_u8(v)); };
  uint8x8_t sum = vpadd_u8(halved(first), halved(second));
  sum = vpadd_u8(sum, sum);
  return vget_lane_u32(vreinterpret_u32_u8(sum), 0);
#endif
}

[[gnu::always_inline]] inline uint32_t bits_of(Ints mask, Ints above) {
  return sums_of_eights(bits_in_place(mask), bits_in_place(above));
}
[[gnu::always_inline]] inline uint16_t bits_of(Ints mask) {
  const uint8x16_t bits = bits_in_place(mask);
  return static_cast<uint16_t>(sums_of_eights(bits, bits));
}

#if defined(__aarch64__)
// To the nearest integer, ties to even; beyond 32 bits, the largest or the least.
[[gnu::always_inline]] inline Ints rounded(Floats x) {
  const Floats4 p = parts_of<Floats4>(x);
  Words4 k;
  for (int i = 0; i < 4; ++i) k.part[i] = vcvtnq_s32_f32(p.part[i]);
  return joined<Ints>(k);
}

[[gnu::always_inline]] inline Ints floor_of(Floats x) {
  const Floats4 p = parts_of<Floats4>(x);
  Words4 k;
  for (int i = 0; i < 4; ++i) k.part[i] = vcvtmq_s32_f32(p.part[i]);
  return joined<Ints>(k);
}

// The nearest integers that a halfword or a byte holds.
[[gnu::always_inline]] inline Vector<int16_t> halfwords_of(Floats x) {
  const Floats4 p = parts_of<Floats4>(x);
  int16x8_t half[2];
  for (int i = 0; i < 2; ++i) {
    const int16x4_t low = vqmovn_s32(vcvtnq_s32_f32(p.part[2 * i]));
    half[i] = vqmovn_high_s32(low, vcvtnq_s32_f32(p.part[2 * i + 1]));
  }
  return __builtin_shufflevector(half[0], half[1], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
                                 15);
}

[[gnu::always_inline]] inline Vector<int8_t> bytes_of(Floats x) {
  const Vector<int16_t> k = halfwords_of(x);
  const int16x8_t low = __builtin_shufflevector(k, k, 0, 1, 2, 3, 4, 5, 6, 7);
  const int16x8_t high = __builtin_shufflevector(k, k, 8, 9, 10, 11, 12, 13, 14, 15);
  return (Vector<int8_t>)vqmovn_high_s16(vqmovn_s16(low), high);
}
#endif

// Of bytes, by halfwords; the compiler would rather shift pairs of bytes up and down again.
[[gnu::always_inline]] inline Ints widened(Vector<int8_t> v) {
  const int8x16_t bytes = (int8x16_t)v;
  int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
  asm("" : "+w"(low), "+w"(high));
  return joined<Ints>(Words4{{vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)),
                              vmovl_s16(vget_low_s16(high)), vmovl_s16(vget_high_s16(high))}});
}

}  // namespace neon
}  // namespace
}  // namespace edgebnn
