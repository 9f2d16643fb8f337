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

// W - a·m / (sqrt(v) + eps·c), c = sqrt(1 - beta2^t): lr·m^/(sqrt(v^) + eps).
float Adam::moved(float w, float m, float v) const {
  const float correction = std::sqrt(1.0f - beta2_power_);
  const float a = learning_rate_ * correction / (1.0f - beta1_power_);
  return w - (a * m) / (std::sqrt(v) + kEpsilon * correction);
}

void Adam::average(size_t n, float, const float* g, float* m) const {
  for (size_t i = 0; i < n; ++i) m[i] = m[i] * kBeta1 + g[i] * kRest1;
}

void Adam::move(size_t n, float fan_in, const float* m, const float* g, float* v, float* w) const {
  if (v == nullptr) {
    const float scale = 1.0f + kEpsilon * std::sqrt(fan_in);
    const float a = learning_rate_ / (1.0f - beta1_power_) / scale;
    for (size_t i = 0; i < n; ++i) w[i] = w[i] - a * m[i];
    return;
  }
  for (size_t i = 0; i < n; ++i) {
    v[i] = v[i] * kBeta2 + (g[i] * g[i]) * kRest2;
    w[i] = moved(w[i], m[i], v[i]);
  }
}

void Adam::update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                       Arena& arena) const {
  auto* beta = arena.at<float>(buffers.beta);
  auto* m = arena.at<float>(buffers.beta_m);
  auto* v = arena.at<float>(*buffers.beta_v);
  for (size_t c = 0; c < block.units(); ++c) {
    const auto g = static_cast<float>(dbeta[c]);
    m[c] = m[c] * kBeta1 + g * kRest1;
    v[c] = v[c] * kBeta2 + (g * g) * kRest2;
    beta[c] = moved(beta[c], m[c], v[c]);
  }
}

}  // namespace edgebnn
