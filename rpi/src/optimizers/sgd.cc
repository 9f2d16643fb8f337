#include "optimizers/sgd.h"

#include <cmath>

namespace edgebnn {
namespace {
constexpr float kMomentum = 0.9f, kRest = 1.0f - kMomentum;
}

bool Sgd::in_units_of_bound() const {
  return switches_.binary_weight_gradient && switches_.momenta != Format::f32;
}

void Sgd::average(size_t n, float fan_in, const float* g, float* m) const {
  if (in_units_of_bound()) {
    for (size_t i = 0; i < n; ++i) m[i] = m[i] * kMomentum + g[i] * kRest;
  } else {
    const float root = switches_.binary_weight_gradient ? std::sqrt(fan_in) : 1.0f;
    for (size_t i = 0; i < n; ++i) m[i] = m[i] * kMomentum + g[i] / root;
  }
}

void Sgd::move(size_t n, float fan_in, const float* m, const float*, float*, float* w) const {
  const float rate =
      in_units_of_bound() ? learning_rate_ * (10.0f / std::sqrt(fan_in)) : learning_rate_;
  for (size_t i = 0; i < n; ++i) w[i] = w[i] - rate * m[i];
}

void Sgd::update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                      Arena& arena) const {
  auto* beta = arena.at<float>(buffers.beta);
  auto* m = arena.at<float>(buffers.beta_m);
  for (size_t c = 0; c < block.units(); ++c) {
    m[c] = m[c] * kMomentum + static_cast<float>(dbeta[c]);
    beta[c] = beta[c] - learning_rate_ * m[c];
  }
}

}  // namespace edgebnn
