#include "optimizers/adam.h"

#include <algorithm>
#include <cmath>

namespace edgebnn {
namespace {
constexpr float kBeta1 = 0.9f, kBeta2 = 0.999f, kRest1 = 1.0f - kBeta1, kRest2 = 1.0f - kBeta2;
constexpr float kEpsilon = 1e-8f;
}  // namespace

void Adam::begin_step(float learning_rate) {
  learning_rate_ = learning_rate;
  beta1_power_ *= kBeta1;
  beta2_power_ *= kBeta2;
}

// W - a·m / (sqrt(v) + eps·c), c = sqrt(1 - beta2^t): lr·m^/(sqrt(v^) + eps).
float Adam::moved(float w, float m, float v) const {
  const float correction = std::sqrt(1.0f - beta2_power_);
  const float a = learning_rate_ * correction / (1.0f - beta1_power_);
  return w - (a * m) / (std::sqrt(v) + kEpsilon * correction);
}

void Adam::update_weights(const Block& block, const BlockBuffers& buffers, Arena& arena) {
  void* weights = arena.at(buffers.weights);
  void* momenta = arena.at(buffers.momenta);
  float* second = buffers.second ? arena.at<float>(*buffers.second) : nullptr;
  const void* dw = arena.at(buffers.dw);
  const float scale = 1.0f + kEpsilon * std::sqrt(static_cast<float>(block.fan_in()));
  const float a = learning_rate_ / (1.0f - beta1_power_) / scale;
  float g[kUpdateChunk], m[kUpdateChunk], w[kUpdateChunk];
  for (size_t first = 0; first < block.weights(); first += kUpdateChunk) {
    const size_t n = std::min(kUpdateChunk, block.weights() - first);
    load_gradient(switches_.binary_weight_gradient, dw, first, n, g);
    load(switches_.momenta, momenta, first, n, m);
    for (size_t i = 0; i < n; ++i) m[i] = m[i] * kBeta1 + g[i] * kRest1;
    store(switches_.momenta, momenta, first, n, m);
    load(switches_.momenta, momenta, first, n, m);  // the step uses m as stored
    load(switches_.weights, weights, first, n, w);
    if (second == nullptr) {
      for (size_t i = 0; i < n; ++i) w[i] = w[i] - a * m[i];
    } else {
      float* v = second + first;
      for (size_t i = 0; i < n; ++i) {
        v[i] = v[i] * kBeta2 + (g[i] * g[i]) * kRest2;
        w[i] = moved(w[i], m[i], v[i]);
      }
    }
    for (size_t i = 0; i < n; ++i) w[i] = std::clamp(w[i], -1.0f, 1.0f);
    store(switches_.weights, weights, first, n, w);
  }
}

void Adam::update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                       Arena& arena) {
  auto* beta = arena.at<float>(buffers.beta);
  auto* m = arena.at<float>(buffers.beta_m);
  auto* v = arena.at<float>(buffers.beta_v);
  for (size_t c = 0; c < block.units(); ++c) {
    const auto g = static_cast<float>(dbeta[c]);
    m[c] = m[c] * kBeta1 + g * kRest1;
    v[c] = v[c] * kBeta2 + (g * g) * kRest2;
    beta[c] = moved(beta[c], m[c], v[c]);
  }
}

}  // namespace edgebnn
