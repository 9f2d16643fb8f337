// The straight-through estimator: dX' of the block below, from sums s of dY W^T, and 0 where its
// bit is not set (|X'| > 1, or not the winner of its pool):
//   dX'[m][c] = bit[m][c] ? f32(s[m][c])·unit : 0
//
// `largest` comes first where gradients share exponents:
//   top[c] = max(top[c], |dX'[m][c]|), as the bits of a float
// and `store` rounds dX'·2^-e to the format. The rows are a sample's: its exponents are theirs.
#pragma once

#include "kernels/gradients.h"

namespace edgebnn {

// s: [rows][stride], int32 where gradients share exponents, else float64.
struct InputGradientSums {
  const void* s;
  size_t stride;
  float unit;
  BitRows kept;
};

using StraightThroughLargest = void(size_t rows, size_t n, const InputGradientSums& sums,
                                    int32_t* top);
using StraightThroughStore = void(size_t rows, size_t n, const InputGradientSums& sums,
                                  const GradientRowsOut& out);

StraightThroughLargest straight_through_largest_scalar, straight_through_largest_avx512,
    straight_through_largest_avx2, straight_through_largest_neon;
StraightThroughStore straight_through_store_scalar, straight_through_store_avx512,
    straight_through_store_avx2, straight_through_store_neon;

}  // namespace edgebnn
