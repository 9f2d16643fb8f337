#include "optimizers/sgd.h"

#include <cmath>

namespace edgebnn {
namespace {
constexpr float kMomentum = 0.9f, kRest = 1.0f - kMomentum;
}

bool Sgd::in_units_of_bound() const {
  return switches_.binary_weight_gradient && switches_.momenta != Format::f32;
}

UpdateRule Sgd::rule(float fan_in) const {
  if (in_units_of_bound()) {
    return {.keep = kMomentum, .take = kRest, .rate = learning_rate_ * (10.0f / std::sqrt(fan_in))};
  }
  const float root = switches_.binary_weight_gradient ? std::sqrt(fan_in) : 1.0f;
  return {.keep = kMomentum, .take = 1.0f / root, .rate = learning_rate_};
}

void Sgd::update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                      Arena& arena) const {
  auto* beta = arena.at<float>(buffers.beta);
  auto* m = arena.at<float>(*buffers.beta_m);
  for (size_t c = 0; c < block.units(); ++c) {
    m[c] = m[c] * kMomentum + static_cast<float>(dbeta[c]);
    beta[c] = beta[c] - learning_rate_ * m[c];
  }
}

}  // namespace edgebnn
