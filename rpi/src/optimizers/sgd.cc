#include "optimizers/sgd.h"

#include <algorithm>
#include <cmath>

namespace edgebnn {
namespace {
constexpr float kMomentum = 0.9f, kRest = 1.0f - kMomentum;
}

void Sgd::update_weights(const Block& block, const BlockBuffers& buffers, Arena& arena) {
  void* weights = arena.at(buffers.weights);
  void* momenta = arena.at(buffers.momenta);
  const void* dw = arena.at(buffers.dw);
  const bool binary = switches_.binary_weight_gradient;
  const bool in_units_of_bound = binary && switches_.momenta != Format::f32;
  const float root = std::sqrt(static_cast<float>(block.fan_in()));
  const float rate = in_units_of_bound ? learning_rate_ * (10.0f / root) : learning_rate_;
  float g[kUpdateChunk], m[kUpdateChunk], w[kUpdateChunk];
  for (size_t first = 0; first < block.weights(); first += kUpdateChunk) {
    const size_t n = std::min(kUpdateChunk, block.weights() - first);
    load_gradient(binary, dw, first, n, g);
    if (in_units_of_bound) {
      for (size_t i = 0; i < n; ++i) g[i] *= kRest;
    } else if (binary) {
      for (size_t i = 0; i < n; ++i) g[i] /= root;
    }
    load(switches_.momenta, momenta, first, n, m);
    for (size_t i = 0; i < n; ++i) m[i] = m[i] * kMomentum + g[i];
    store(switches_.momenta, momenta, first, n, m);
    load(switches_.momenta, momenta, first, n, m);  // the step uses m as stored
    load(switches_.weights, weights, first, n, w);
    for (size_t i = 0; i < n; ++i) w[i] = std::clamp(w[i] - rate * m[i], -1.0f, 1.0f);
    store(switches_.weights, weights, first, n, w);
  }
}

void Sgd::update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                      Arena& arena) {
  auto* beta = arena.at<float>(buffers.beta);
  auto* m = arena.at<float>(buffers.beta_m);
  for (size_t c = 0; c < block.units(); ++c) {
    m[c] = m[c] * kMomentum + static_cast<float>(dbeta[c]);
    beta[c] = beta[c] - learning_rate_ * m[c];
  }
}

}  // namespace edgebnn
