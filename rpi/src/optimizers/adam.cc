#include "optimizers/adam.h"

#include <cmath>

namespace edgebnn {
namespace {
constexpr float kBeta1 = 0.9f, kBeta2 = 0.999f, kRest1 = 1.0f - kBeta1, kRest2 = 1.0f - kBeta2;
constexpr float kEpsilon = 1e-8f;
}  // namespace

void Adam::begin_step(float learning_rate) {
  Optimizer::begin_step(learning_rate);
  beta1_power_ *= kBeta1;
  beta2_power_ *= kBeta2;
}

std::vector<std::span<uint8_t>> Adam::state() {
  std::vector<std::span<uint8_t>> parts = Optimizer::state();
  parts.push_back(bytes_of(beta1_power_));
  parts.push_back(bytes_of(beta2_power_));
  return parts;
}

// lr·m^/(sqrt(v^) + eps) = a·m / (sqrt(v) + eps·c), c = sqrt(1 - beta2^t).
UpdateRule Adam::adaptive() const {
  const float correction = std::sqrt(1.0f - beta2_power_);
  return {.move = UpdateRule::Move::adaptive,
          .keep = kBeta1,
          .take = kRest1,
          .rate = learning_rate_ * correction / (1.0f - beta1_power_),
          .keep_v = kBeta2,
          .take_v = kRest2,
          .epsilon = kEpsilon * correction};
}

UpdateRule Adam::rule(float fan_in) const {
  if (!switches_.binary_weight_gradient) return adaptive();
  const float scale = 1.0f + kEpsilon * std::sqrt(fan_in);
  return {.keep = kBeta1, .take = kRest1, .rate = learning_rate_ / (1.0f - beta1_power_) / scale};
}

void Adam::update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                       Arena& arena) const {
  auto* beta = arena.at<float>(buffers.beta);
  auto* m = arena.at<float>(*buffers.beta_m);
  auto* v = arena.at<float>(*buffers.beta_v);
  const UpdateRule by = adaptive();
  for (size_t c = 0; c < block.units(); ++c) {
    const auto g = static_cast<float>(dbeta[c]);
    m[c] = m[c] * by.keep + g * by.take;
    v[c] = v[c] * by.keep_v + (g * g) * by.take_v;
    beta[c] = beta[c] - (by.rate * m[c]) / (std::sqrt(v[c]) + by.epsilon);
  }
}

}  // namespace edgebnn
