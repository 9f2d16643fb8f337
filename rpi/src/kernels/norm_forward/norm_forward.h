// Batch norm with a shift and no scale, and the sign behind it, of integer products y
// (docs/numerics.md, Forward 3-4). Three passes, each over rows in order and all channels; between
// them y may be kept, more narrowly (keep_products):
//   product_sum:    sum[c] += sum over m of y[m][c], exactly
//   deviation_sum:  sum[c] += sum over m of |d|, or of d·d under l2; d = f32(y[m][c] - mu[c])
//   normalise:      xn = d·r[c];  x = xn + beta[c];  sum[c] += sum over m of |x|
//                   signs: x >= 0;  inside: |x| <= 1
#pragma once

#include <cstddef>
#include <cstdint>

#include "format.h"

namespace edgebnn {

// Rows of products: [rows][stride], i16 or i32; |y| < 2^24.
struct Products {
  Format format;
  const void* y;
  size_t stride;  // elements
};

struct KeptProducts {
  Format format;
  void* y;
  size_t stride;
};

struct NormStatistics {
  const float *mu, *r, *beta;  // [n]
};

// What of a row is asked for; null: not asked for. Rows of bits have `bytes` bytes, of which those
// beyond the n channels become zero.
struct Normalised {
  uint8_t *signs, *inside;
  size_t bit_stride, bytes;
  void* xn;
  Format kept;  // of xn: f32 or f16
  float* x;
  size_t stride;  // of xn and x, elements
};

using ProductSum = void(size_t rows, size_t n, const Products& y, double* sum);
using DeviationSum = void(size_t rows, size_t n, const Products& y, const float* mu, bool l2,
                          double* sum);
using Normalise = void(size_t rows, size_t n, const Products& y, const NormStatistics& norm,
                       const Normalised& out, double* sum);

using KeepProducts = void(size_t rows, size_t n, const int32_t* y, size_t stride,
                          const KeptProducts& kept);

KeepProducts keep_products_scalar, keep_products_avx512, keep_products_avx2, keep_products_neon;
ProductSum product_sum_scalar, product_sum_avx512, product_sum_avx2, product_sum_neon;
DeviationSum deviation_sum_scalar, deviation_sum_avx512, deviation_sum_avx2, deviation_sum_neon;
Normalise normalise_scalar, normalise_avx512, normalise_avx2, normalise_neon;

}  // namespace edgebnn
