// Multiply and add in float32, by a lane (FMLA): two vectors of four units times one input at a
// time. Sums of 128 rows stay in registers. On armv7 subnormal sums in float32 are 0, as NEON has
// it there; sums in float64 are VFP's, and keep them.
#include <arm_neon.h>

#include "kernels/integer_real/integer_real.h"

namespace edgebnn {
namespace {

constexpr size_t kUnits = 8;
#if defined(__aarch64__)
constexpr size_t kInputs = 8;  // 16 sums of 32 registers
#else
constexpr size_t kInputs = 4;  // 8 of 16
#endif

template <int Lane>
inline float32x4_t add_product(float32x4_t sum, float32x4_t g, float32x2_t c) {
#if defined(__ARM_FEATURE_FMA)
  return vfmaq_f32(sum, g, vdupq_lane_f32(c, Lane));
#else
  return vmlaq_lane_f32(sum, g, c, Lane);
#endif
}

// Two inputs of one row times eight units.
inline void multiply(float32x2_t c, float32x4_t low, float32x4_t high, float32x4_t (*sum)[2]) {
  sum[0][0] = add_product<0>(sum[0][0], low, c);
  sum[0][1] = add_product<0>(sum[0][1], high, c);
  sum[1][0] = add_product<1>(sum[1][0], low, c);
  sum[1][1] = add_product<1>(sum[1][1], high, c);
}

inline void add_to(double* a, const float32x4_t* sum, size_t left) {
  float parts[kUnits];
  vst1q_f32(parts, sum[0]);
  vst1q_f32(parts + 4, sum[1]);
  if (left >= kUnits) {
    for (size_t n = 0; n < kUnits; ++n) a[n] += static_cast<double>(parts[n]);
  } else {
    for (size_t n = 0; n < left; ++n) a[n] += static_cast<double>(parts[n]);
  }
}

// kInputs inputs times eight units, of which `left` are there. g: [rows][stride].
inline void block(size_t rows, const float (*c)[kInputs], const float* g, size_t stride,
                  size_t left, size_t units, double* a) {
  float32x4_t sum[kInputs][2];
#pragma GCC unroll 8
  for (size_t k = 0; k < kInputs; ++k) sum[k][0] = sum[k][1] = vdupq_n_f32(0);
#pragma GCC unroll 2
  for (size_t m = 0; m < rows; ++m, g += stride) {
    const float32x4_t low = vld1q_f32(g), high = vld1q_f32(g + 4);
#pragma GCC unroll 4
    for (size_t k = 0; k < kInputs; k += 2) multiply(vld1_f32(c[m] + k), low, high, sum + k);
  }
#pragma GCC unroll 8
  for (size_t k = 0; k < kInputs; ++k) add_to(a + k * units, sum[k], left);
}

}  // namespace

void integer_real_neon(size_t rows, size_t inputs, size_t units, const int16_t* c, const float* g,
                       double* a) {
  float pixels[kRowsInFloat][kInputs];
  float last[kRowsInFloat][kUnits] = {};  // of a row's gradients, where they are fewer than eight
  const size_t whole = units / kUnits * kUnits;
  for (size_t first = 0; first < rows; first += kRowsInFloat) {
    const size_t count = rows - first < kRowsInFloat ? rows - first : kRowsInFloat;
    for (size_t m = 0; m < count; ++m) {
      for (size_t n = whole; n < units; ++n) last[m][n - whole] = g[(first + m) * units + n];
    }
    for (size_t i = 0; i < inputs; i += kInputs) {
      for (size_t m = 0; m < count; ++m) {
        for (size_t k = 0; k < kInputs; ++k) pixels[m][k] = c[(first + m) * 64 + i + k];
      }
      double* to = a + i * units;
      for (size_t n = 0; n < whole; n += kUnits)
        block(count, pixels, g + first * units + n, units, kUnits, units, to + n);
      if (whole < units) block(count, pixels, last[0], kUnits, units - whole, units, to + whole);
    }
  }
}

}  // namespace edgebnn
