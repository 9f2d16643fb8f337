#include "model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "layers/pool.h"
#include "random.h"

namespace edgebnn {

Model::Model(const RunFile& run, const Network& network, const Plan& plan, const Kernels& kernels,
             Arena& arena, Threads& threads)
    : run_(run),
      network_(network),
      plan_(plan),
      arena_(arena),
      gradients_(plan, run.switches.gradients, kernels, arena),
      context_{run, plan, kernels, arena, threads, gradients_},
      optimizer_(make_optimizer(run)) {}

void Model::initialise(uint64_t seed) {
  arena_.enter(0);
  for (size_t l = 0; l < network_.blocks.size(); ++l) {
    const Block& block = network_.blocks[l];
    const Stream stream(seed, kInitialWeights + l);
    const double root = std::sqrt(static_cast<double>(block.fan_in()));
    const size_t units = block.units();
    float w[kUnitsAtOnce];
    for (size_t j = 0; j < block.weights();) {
      const size_t unit = j % units, n = std::min(kUnitsAtOnce, units - unit);
      for (size_t k = 0; k < n; ++k)
        w[k] = std::clamp(static_cast<float>(stream.normal(j + k) / root), -1.0f, 1.0f);
      set_weights(l, j, {w, n});
      j += n;
    }
    auto* psi = arena_.at<float>(plan_.blocks[l].moving_psi);
    std::fill(psi, psi + units, 1.0f);
  }
}

void Model::set_weights(size_t l, size_t first, std::span<float> w) {
  const BlockBuffers& buffers = plan_.blocks[l];
  const size_t units = network_.blocks[l].units();
  float rounding[kUnitsAtOnce];
  if (!network_.blocks[l].frozen) {  // bop takes the sign of what would be stored
    store(run_.switches.weights, rounding, 0, w.size(), w.data());
    load(run_.switches.weights, rounding, 0, w.size(), w.data());
  }
  const size_t stride = row_stride(buffers.weight_format, units);
  store(buffers.weight_format, arena_.at(buffers.weights), first / units * stride + first % units,
        w.size(), w.data());
}

std::array<std::span<float>, 3> Model::norm(size_t l) {
  const BlockBuffers& buffers = plan_.blocks[l];
  const auto row = [&](Arena::Id id) {
    return std::span<float>(arena_.at<float>(id), network_.blocks[l].units());
  };
  return {row(buffers.beta), row(buffers.moving_mu), row(buffers.moving_psi)};
}

std::vector<std::span<uint8_t>> Model::state() {
  std::vector<std::span<uint8_t>> parts = optimizer_->state();
  for (const Arena::Id id : plan_.persistent)
    parts.emplace_back(arena_.at(id), arena_.buffers()[id].bytes);
  return parts;
}

ProductInput Model::input_of(size_t l) {
  if (l == 0) return {images(), nullptr};
  const BlockBuffers& below = plan_.blocks[l - 1];
  return {nullptr, arena_.at<uint64_t>(below.pooled ? *below.pooled : below.signs)};
}

void Model::forward(size_t samples, bool training) {
  for (size_t l = 0; l < network_.blocks.size(); ++l) {
    arena_.enter(plan_.phases.forward(static_cast<int>(l)));
    const bool own_statistics = training && !network_.blocks[l].frozen;
    Forward(network_.blocks[l], plan_.blocks[l], context_)
        .run(input_of(l), samples, own_statistics);
    if (watch_ != nullptr && training) watch_(watch_context_, l);
  }
}

LossSum Model::loss(size_t samples, bool training) {
  arena_.enter(plan_.phases.loss());
  const auto classes = static_cast<size_t>(network_.classes());
  auto* logits = arena_.at<float>(plan_.logits);
  auto* gradient = arena_.at<float>(plan_.row);
  LossSum total;
  for (size_t b = 0; b < samples; ++b) {
    float* z = logits + b * classes;
    const LossSum one =
        softmax_cross_entropy(z, classes, labels()[b], training ? gradient : nullptr);
    total.loss += one.loss;
    total.correct += one.correct;
    if (training) std::memcpy(z, gradient, classes * sizeof(float));
  }
  return total;
}

// dX' of the logits, which lies in their place, into the map.
void Model::store_loss_gradient() {
  const auto batch = static_cast<size_t>(run_.batch_size);
  const auto classes = static_cast<size_t>(network_.classes());
  const auto* gradient = arena_.at<float>(plan_.logits);
  for (size_t b = 0; b < batch; ++b) {
    const float* row = gradient + b * classes;
    gradients_.begin_sample(0);
    if (gradients_.shared()) gradients_.track_largest(0, {0, classes}, row);
    gradients_.fix_exponents_of_sample(0, b);
    gradients_.store_sample(b, 0, classes, {0, classes}, row);
  }
}

LossSum Model::train(float learning_rate) {
  const auto batch = static_cast<size_t>(run_.batch_size);
  forward(batch, true);
  const LossSum total = loss(batch, true);
  if (!std::isfinite(total.loss)) return total;  // the caller's to report; nothing was updated
  store_loss_gradient();
  optimizer_->begin_step(learning_rate);
  backward();
  return total;
}

LossSum Model::evaluate(size_t samples) {
  forward(samples, false);
  return loss(samples, false);
}

void Model::backward() {
  const auto batch = static_cast<size_t>(run_.batch_size);
  auto trained = static_cast<size_t>(std::ranges::count(network_.blocks, false, &Block::frozen));
  for (size_t l = network_.blocks.size(); l-- > network_.lowest;) {
    const Block& block = network_.blocks[l];
    const BlockBuffers& buffers = plan_.blocks[l];
    arena_.enter(plan_.phases.weights(static_cast<int>(l)));
    NormBackward norm(block, buffers, context_);
    norm.run(batch);
    if (!block.frozen) optimizer_->update_beta(block, buffers, norm.dbeta(), arena_);
    if (block.pool_before.present) spread_to_winners(block, buffers, context_, batch);
    if (l > network_.lowest) pack_for_dx(block, buffers, context_);  // before dW moves the weights
    if (!block.frozen)
      WeightGradient(block, buffers, context_, *optimizer_, --trained).run(input_of(l), batch);
    if (l == network_.lowest) return;
    arena_.enter(plan_.phases.inputs(static_cast<int>(l)));
    InputGradient(block, buffers, network_.blocks[l - 1], plan_.blocks[l - 1], context_).run(batch);
  }
}

}  // namespace edgebnn
