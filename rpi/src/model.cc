#include "model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "random.h"

namespace edgebnn {

Model::Model(const RunFile& run, const Network& network, const Plan& plan, const Kernels& kernels,
             Arena& arena)
    : run_(run), network_(network), plan_(plan), arena_(arena), optimizer_(make_optimizer(run)) {
  for (size_t l = 0; l < network.blocks.size(); ++l) {
    const Block& block = network.blocks[l];
    const BlockBuffers& buffers = plan.blocks[l];
    const Format format = plan.product_format[l];
    products_.emplace_back(block, buffers, plan, format, run.switches, kernels, arena);
    norms_.emplace_back(block, buffers, plan, format, run.switches, arena);
    pools_.emplace_back(block, buffers, plan, format, run.switches, arena);
  }
}

void Model::initialise(uint64_t seed) {
  arena_.enter(0);
  for (size_t l = 0; l < network_.blocks.size(); ++l) {
    const Block& block = network_.blocks[l];
    const Stream stream(seed, kInitialWeights + l);
    const double root = std::sqrt(static_cast<double>(block.fan_in()));
    void* weights = arena_.at(plan_.blocks[l].weights);
    for (size_t j = 0; j < block.weights(); ++j) {
      const float w = std::clamp(static_cast<float>(stream.normal(j) / root), -1.0f, 1.0f);
      store(run_.switches.weights, weights, j, 1, &w);
    }
    auto* psi = arena_.at<float>(plan_.blocks[l].moving_psi);
    std::fill(psi, psi + block.units(), 1.0f);
  }
}

ProductInput Model::input_of(size_t l) {
  if (l == 0) return {images(), nullptr};
  const BlockBuffers& below = plan_.blocks[l - 1];
  return {nullptr, arena_.at<uint64_t>(below.pooled ? *below.pooled : below.signs)};
}

void Model::forward(size_t samples, bool training) {
  for (size_t l = 0; l < network_.blocks.size(); ++l) {
    const Block& block = network_.blocks[l];
    arena_.enter(static_cast<int>(l));
    products_[l].forward(input_of(l), samples);
    if (block.pool_before.present) pools_[l].forward(samples);
    norms_[l].forward(samples, training);
    if (watch_ != nullptr && training) watch_(context_, l);
    if (block.pool_after.present) {
      const BlockBuffers& buffers = plan_.blocks[l];
      pool_signs(block, arena_.at<uint64_t>(buffers.signs), arena_.at<uint64_t>(*buffers.pooled),
                 samples);
    }
  }
}

LossSum Model::loss(size_t samples, bool training) {
  arena_.enter(static_cast<int>(network_.blocks.size()));
  const auto classes = static_cast<size_t>(network_.classes());
  const auto* logits = arena_.at<float>(plan_.logits);
  auto* gradient = arena_.at<float>(plan_.row);
  LossSum total;
  for (size_t b = 0; b < samples; ++b) {
    const LossSum one = softmax_cross_entropy(logits + b * classes, classes, labels()[b],
                                              training ? gradient : nullptr);
    total.loss += one.loss;
    total.correct += one.correct;
    if (training) {
      store(run_.switches.gradients, arena_.at(plan_.map) + b * plan_.sample_bytes, 0, classes,
            gradient);
    }
  }
  return total;
}

LossSum Model::train(float learning_rate) {
  const auto batch = static_cast<size_t>(run_.batch_size);
  forward(batch, true);
  const LossSum total = loss(batch, true);
  if (!std::isfinite(total.loss)) return total;  // the caller's to report; nothing was updated
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
  const int count = static_cast<int>(network_.blocks.size());
  for (int l = count - 1; l >= 0; --l) {
    const Block& block = network_.blocks[l];
    const BlockBuffers& buffers = plan_.blocks[l];
    arena_.enter(2 * count - l);
    norms_[l].backward(batch);
    const double* dbeta = norms_[l].dbeta();
    if (block.pool_before.present) pools_[l].backward(batch);
    products_[l].weight_gradient(input_of(l), batch);
    if (l > 0) {
      products_[l].begin_input_gradient();
      for (size_t b = 0; b < batch; ++b) deliver(l - 1, b, products_[l].input_gradient(b));
    }
    optimizer_->update_weights(block, buffers, arena_);
    optimizer_->update_beta(block, buffers, dbeta, arena_);
  }
}

// A sample's dX, [P'][C], becomes dX' of the block below: spread over its pool's winners, cut by
// the straight-through estimator, stored in the map in the place of the sample's dY.
void Model::deliver(size_t l, size_t sample, const double* dx) {
  const Block& block = network_.blocks[l];
  const BlockBuffers& buffers = plan_.blocks[l];
  const size_t units = block.units(), words = words_for(units),
               positions = block.normed.positions();
  const auto* signs = arena_.at<uint64_t>(buffers.signs);
  const auto* inside = buffers.inside ? arena_.at<uint64_t>(*buffers.inside) : nullptr;
  uint8_t* map = arena_.at(plan_.map) + sample * plan_.sample_bytes;
  auto* row = arena_.at<float>(plan_.row);
  const auto width = static_cast<size_t>(block.normed.width);
  for (size_t p = 0; p < positions; ++p) {
    const size_t y = p / width, x = p % width;
    const size_t pooled_width = static_cast<size_t>(block.out.width);
    const bool pool = block.pool_after.present;
    const bool dropped =
        pool && (y / 2 >= static_cast<size_t>(block.out.height) || x / 2 >= pooled_width);
    const size_t from = pool ? y / 2 * pooled_width + x / 2 : p;
    const size_t place = y % 2 * 2 + x % 2;
    for (size_t c = 0; c < units; ++c) {
      const bool wins = !pool || (!dropped && winning_sign(block, signs, sample, from, c) == place);
      const size_t bit = (sample * positions + p) * words + c / 64;
      const bool passes = inside == nullptr || (inside[bit] >> (c % 64) & 1);
      row[c] = wins && passes ? static_cast<float>(dx[from * units + c]) : 0.0f;
    }
    store(run_.switches.gradients, map, p * units, units, row);
  }
}

}  // namespace edgebnn
