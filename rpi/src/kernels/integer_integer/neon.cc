// Multiply and add, halfwords into words, by a lane (SMLAL): a vector of eight units times one
// input at a time. Sums of 256 rows stay in registers.
#include <arm_neon.h>

#include "kernels/integer_integer/integer_integer.h"

namespace edgebnn {
namespace {

// Rows whose products a 32-bit sum holds: 2^8 · 255 · 8191 < 2^31.
constexpr size_t kRows = 256;
constexpr size_t kUnits = 8;
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

inline void add_to(double* a, const int32x4_t* sum, size_t left) {
  int32_t parts[kUnits];
  vst1q_s32(parts, sum[0]);
  vst1q_s32(parts + 4, sum[1]);
  if (left >= kUnits) {
    for (size_t n = 0; n < kUnits; ++n) a[n] += parts[n];
  } else {
    for (size_t n = 0; n < left; ++n) a[n] += parts[n];
  }
}

// kInputs inputs times eight units, of which `left` are there. g: [rows][stride].
inline void block(size_t rows, const int16_t* c, const int16_t* g, size_t stride, size_t left,
                  size_t units, double* a) {
  int32x4_t sum[kInputs][2];
#pragma GCC unroll 8
  for (size_t k = 0; k < kInputs; ++k) sum[k][0] = sum[k][1] = vdupq_n_s32(0);
#pragma GCC unroll 2
  for (size_t m = 0; m < rows; ++m, c += 64, g += stride) {
    const int16x8_t gradient = vld1q_s16(g);
#pragma GCC unroll 2
    for (size_t k = 0; k < kInputs; k += 4) multiply(vld1_s16(c + k), gradient, sum + k);
  }
#pragma GCC unroll 8
  for (size_t k = 0; k < kInputs; ++k) add_to(a + k * units, sum[k], left);
}

}  // namespace

void integer_integer_neon(size_t rows, size_t units, const int16_t* c, const int16_t* g,
                          double* a) {
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
      for (size_t i = 0; i < 64; i += kInputs)
        block(count, c + i, gradients, left < kUnits ? kUnits : units, left, units,
              a + i * units + n);
    }
  }
}

}  // namespace edgebnn
