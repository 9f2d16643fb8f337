// Multiply and add, halfwords into words, by a lane (SMLAL): a vector of eight units times one
// input at a time. Sums of 256 rows stay in registers.
#include <arm_neon.h>

#include "kernels/integer_integer/integer_integer.h"

namespace edgebnn {
namespace {

// Rows whose products a 32-bit sum holds: 2^8 · 255 · 8191 < 2^31.
constexpr size_t kRows = 256;
constexpr size_t kUnits = 8;
constexpr size_t kAtOnce = 4;  // rows of an iteration
#if defined(__aarch64__)
constexpr size_t kInputs = 8;  // 16 sums of 32 registers
#else
constexpr size_t kInputs = 4;  // 8 of 16
#endif

// Four inputs of one row times eight units.
inline void multiply(int16x4_t c, int16x8_t g, int32x4_t (*sum)[2]) {
  const int16x4_t low = vget_low_s16(g), high = vget_high_s16(g);
  sum[0][0] = vmlal_lane_s16(sum[0][0], low, c, 0);
  sum[0][1] = vmlal_lane_s16(sum[0][1], high, c, 0);
  sum[1][0] = vmlal_lane_s16(sum[1][0], low, c, 1);
  sum[1][1] = vmlal_lane_s16(sum[1][1], high, c, 1);
  sum[2][0] = vmlal_lane_s16(sum[2][0], low, c, 2);
  sum[2][1] = vmlal_lane_s16(sum[2][1], high, c, 2);
  sum[3][0] = vmlal_lane_s16(sum[3][0], low, c, 3);
  sum[3][1] = vmlal_lane_s16(sum[3][1], high, c, 3);
}

// N rows, all loaded before any is multiplied: cores that run in order wait once for them all.
template <size_t N>
inline void add_rows(const int16_t* c, const int16_t* g, const size_t* offsets,
                     int32x4_t (*sum)[2]) {
  int16x8_t gradients[N];
  int16x4_t inputs[N][kInputs / 4];
#pragma GCC unroll 4
  for (size_t m = 0; m < N; ++m) {
    gradients[m] =
        vld1q_s16(reinterpret_cast<const int16_t*>(reinterpret_cast<const char*>(g) + offsets[m]));
#pragma GCC unroll 2
    for (size_t k = 0; k < kInputs; k += 4) inputs[m][k / 4] = vld1_s16(c + m * 64 + k);
  }
  if constexpr (N == 4)
    asm volatile(""
                 : "+w"(gradients[0]), "+w"(gradients[1]), "+w"(gradients[2]), "+w"(gradients[3]));
#pragma GCC unroll 4
  for (size_t m = 0; m < N; ++m) {
#pragma GCC unroll 2
    for (size_t k = 0; k < kInputs; k += 4) multiply(inputs[m][k / 4], gradients[m], sum + k);
  }
}

// a += sum, of eight units.
inline void add_to(double* a, const int32x4_t* sum) {
#if defined(__aarch64__)
#pragma GCC unroll 2
  for (size_t n = 0; n < 2; ++n, a += 4) {
    const float64x2_t low = vcvtq_f64_s64(vmovl_s32(vget_low_s32(sum[n])));
    const float64x2_t high = vcvtq_f64_s64(vmovl_high_s32(sum[n]));
    vst1q_f64(a, vaddq_f64(vld1q_f64(a), low));
    vst1q_f64(a + 2, vaddq_f64(vld1q_f64(a + 2), high));
  }
#else
  int32_t parts[kUnits];
  vst1q_s32(parts, sum[0]);
  vst1q_s32(parts + 4, sum[1]);
  for (size_t n = 0; n < kUnits; ++n) a[n] += parts[n];
#endif
}

// kInputs inputs times eight units, of which `left` are there. g: [rows][stride].
inline void block(size_t rows, const int16_t* c, const int16_t* g, size_t stride, size_t left,
                  size_t units, double* a) {
  int32x4_t sum[kInputs][2];
#pragma GCC unroll 8
  for (size_t k = 0; k < kInputs; ++k) sum[k][0] = sum[k][1] = vdupq_n_s32(0);
  // Of rows' gradients, in bytes; kept in registers of their own.
  size_t offsets[kAtOnce] = {0, 2 * stride, 4 * stride, 6 * stride};
  asm("" : "+r"(offsets[1]), "+r"(offsets[2]), "+r"(offsets[3]));
#pragma GCC unroll 1
  for (size_t some = rows / kAtOnce; some > 0; --some, c += kAtOnce * 64, g += kAtOnce * stride)
    add_rows<kAtOnce>(c, g, offsets, sum);
#pragma GCC unroll 1
  for (size_t m = rows % kAtOnce; m > 0; --m, c += 64, g += stride) add_rows<1>(c, g, offsets, sum);
#pragma GCC unroll 8
  for (size_t k = 0; k < kInputs; ++k, a += units) {
    if (left >= kUnits) {
      add_to(a, sum[k]);
      continue;
    }
    double all[kUnits] = {};
    add_to(all, sum[k]);
    for (size_t n = 0; n < left; ++n) a[n] += all[n];
  }
}

}  // namespace

void integer_integer_neon(size_t rows, size_t inputs, size_t units, const int16_t* c,
                          const int16_t* g, double* a) {
  int16_t last[kRows][kUnits] = {};  // of a row's gradients, where they are fewer than eight
  for (size_t first = 0; first < rows; first += kRows, c += kRows * 64, g += kRows * units) {
    const size_t count = rows - first < kRows ? rows - first : kRows;
    for (size_t n = 0; n < units; n += kUnits) {
      const size_t left = units - n;
      const int16_t* gradients = g + n;
      if (left < kUnits) {
        for (size_t m = 0; m < count; ++m) {
          for (size_t k = 0; k < left; ++k) last[m][k] = gradients[m * units + k];
        }
        gradients = last[0];
      }
      for (size_t i = 0; i < inputs; i += kInputs)
        block(count, c + i, gradients, left < kUnits ? kUnits : units, left, units,
              a + i * units + n);
    }
  }
}

}  // namespace edgebnn
