// Batch norm backwards (docs/numerics.md, Backward 2), from rows of g = dX' and of x: the signs x^
// (bnn), or Xn. Passes over rows in order and all channels, with v = g·r[c]:
//   sums:     sum_g[c] += g,  sum_v[c] += v, and sum_vx[c] += v·x or, where x is a sign, the v
//             whose x is +1 (v·x adds up to twice those, less all). In float64; beside bits of
//             signs, g whose exponent all rows share are added as integers first, of at most 2^17
//   largest:  top[c] = max(top[c], |dY|), as the bits of a float; where gradients share exponents
//   store:    dY, times inverse[c] where gradients share exponents, as the format has it
// with dY = (v - m1[c]) - m2[c]·x, there x by its sign alone under l1.
#pragma once

#include "kernels/gradients.h"

namespace edgebnn {

struct NormGradient {
  GradientRows g;
  const float* r;  // [n], none below 0
  BitRows signs;   // x^, or
  const void* xn;  // [rows][xn_stride], if signs are null
  Format kept;     // of xn: f32 or f16
  size_t xn_stride = 0;
  bool by_sign = false;       // l1, bnn-xn: of Xn, its sign
  bool sums_by_sign = false;  // bnn-xn: in sum_vx too

  // Whether sum_vx is that of the v whose x is +1.
  bool by_sums_of_signs() const { return signs.bits != nullptr || sums_by_sign; }
};

// f32 values.
struct NormAverages {
  const double *m1, *m2;  // [n]
};

// May be the rows that g is read from.
struct OutputGradientRows {
  Format format;
  void* k;               // [rows][stride]
  size_t stride;         // elements
  const float* inverse;  // [n], or null where exponents are not shared
};

using NormBackwardSums = void(size_t rows, size_t n, const NormGradient& in, double* sum_g,
                              double* sum_v, double* sum_vx);
using NormBackwardLargest = void(size_t rows, size_t n, const NormGradient& in,
                                 const NormAverages& averages, int32_t* top);
using NormBackwardStore = void(size_t rows, size_t n, const NormGradient& in,
                               const NormAverages& averages, const OutputGradientRows& out);

NormBackwardSums norm_backward_sums_scalar, norm_backward_sums_avx512, norm_backward_sums_avx2,
    norm_backward_sums_neon;
NormBackwardLargest norm_backward_largest_scalar, norm_backward_largest_avx512,
    norm_backward_largest_avx2, norm_backward_largest_neon;
NormBackwardStore norm_backward_store_scalar, norm_backward_store_avx512, norm_backward_store_avx2,
    norm_backward_store_neon;

}  // namespace edgebnn
