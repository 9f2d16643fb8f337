// One step of some weights of an input, in the formats that they are stored in (docs/numerics.md,
// Update):
//   m <- store_m(m·keep + g·take), and m is what was stored
//   linear:    W <- W - rate·m
//   adaptive:  v <- v·keep_v + (g·g)·take_v;  W <- W - (rate·m) / (sqrt(v) + epsilon)
//   flip:      W <- -W where |m| > tau and sgn(m) = sgn(W)
//   W <- store_w(clip(W, -1, 1))
#pragma once

#include <cstddef>
#include <cstdint>

#include "format.h"

namespace edgebnn {

struct UpdateRule {
  enum class Move { linear, adaptive, flip } move = Move::linear;
  float keep = 0, take = 0, rate = 0;
  float keep_v = 0, take_v = 0, epsilon = 0;  // adaptive
  float tau = 0;                              // flip
};

// dW of n weights: real, or if that is null, its signs, a bit each.
struct WeightGradients {
  const float* real;
  const uint64_t* signs;
};

// Elements [first, first + n) of an array; first is even, and begins a byte of a format of bits.
// Stochastic rounding takes the noise of `noise`, `noise + 1`, ...
struct StoredRun {
  Format format;
  void* array;
  size_t first;
  uint32_t noise;
};

inline constexpr size_t kWeightsAtOnce = 64;

// n <= kWeightsAtOnce; v: [n], or null where it is not kept.
using WeightUpdate = void(const UpdateRule& rule, size_t n, const WeightGradients& g,
                          const StoredRun& m, float* v, const StoredRun& w);

WeightUpdate weight_update_scalar, weight_update_avx512, weight_update_avx2, weight_update_neon;

}  // namespace edgebnn
