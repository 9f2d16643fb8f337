// Batch norm and sign of a trained unit as one comparison of its integer product.
//
// X' = f32(f32(f32(Y - mu)·r) + beta) never falls as Y grows: each rounding keeps order, and r >=
// 0. So there is a smallest Y with X' >= 0, and it is found by evaluating that very expression.
#pragma once

#include <cstdint>

#include "network.h"

namespace edgebnn {

// A unit's batch norm as evaluation has it: moving mu, r = 1/(moving psi), beta.
struct UnitNorm {
  float mu = 0, r = 0, beta = 0;

  // X' of a product, rounded after every operation.
  float operator()(int32_t y) const {
    const float normed = (static_cast<float>(y) - mu) * r;
    return normed + beta;
  }
};

// Below this a moving psi is a dead channel's, which decays with every batch (docs/numerics.md,
// Forward 3).
constexpr float kLeastMovingPsi = 0x1p-10f;

// r of a moving psi; 0 for a dead channel.
inline float reciprocal_of(float psi) { return psi >= kLeastMovingPsi ? 1.0f / psi : 0.0f; }

// The largest |Y| of a block: its fan-in, times 255 over pixels.
int64_t largest_product(const Block& block);

// The smallest Y in [-largest, largest + 1] from which on the sign is +1: -largest means always,
// largest + 1 never.
int32_t threshold_of(const UnitNorm& norm, int32_t largest);

}  // namespace edgebnn
