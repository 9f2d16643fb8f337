#include "optimizers/optimizer.h"

#include <algorithm>

#include "errors.h"
#include "optimizers/adam.h"
#include "optimizers/bop.h"
#include "optimizers/sgd.h"
#include "random.h"

namespace edgebnn {

std::unique_ptr<Optimizer> make_optimizer(const RunFile& run) {
  if (run.optimizer == "adam") return std::make_unique<Adam>(run);
  if (run.optimizer == "sgd") return std::make_unique<Sgd>(run);
  if (run.optimizer == "bop") return std::make_unique<Bop>(run);
  throw InputError(run.path + ": optimizer: found '" + run.optimizer +
                   "', allowed are adam, sgd, bop");
}

Optimizer::Optimizer(const RunFile& run) : switches_(run.switches), weights_(run.stored_weights()) {
  for (size_t layer = 0; layer < run.layers.size(); ++layer) {
    const auto base = [&](uint64_t family) {
      return static_cast<uint32_t>(Stream(run.seed, family + layer).draw(0) >> 32);
    };
    weight_base_.push_back(base(kRoundWeights));
    momentum_base_.push_back(base(kRoundMomenta));
  }
}

void Optimizer::begin_step(float learning_rate) {
  learning_rate_ = learning_rate;
  ++step_;
}

std::vector<std::span<uint8_t>> Optimizer::state() { return {bytes_of(step_)}; }

void Optimizer::update_weights(const WeightSlice& slice, const float* g, Arena& arena) const {
  const size_t units = slice.block.units(), n = slice.units.size();
  const size_t j = slice.input * units + slice.units.begin;
  const auto at = [&](Format format) {
    return slice.input * row_stride(format, units) + slice.units.begin;
  };
  // Where element j's noise begins.
  const auto counter = [&](const std::vector<uint32_t>& base) {
    return mix32(base[slice.layer] + step_) + static_cast<uint32_t>(j);
  };
  const auto fan_in = static_cast<float>(slice.block.fan_in());
  void* weights = arena.at(slice.buffers.weights);
  void* momenta = arena.at(slice.buffers.momenta);
  float* v = slice.buffers.second ? arena.at<float>(*slice.buffers.second) + j : nullptr;
  float m[kUnitsAtOnce], w[kUnitsAtOnce];
  load(switches_.momenta, momenta, at(switches_.momenta), n, m);
  average(n, fan_in, g, m);
  store(switches_.momenta, momenta, at(switches_.momenta), n, m, counter(momentum_base_));
  load(switches_.momenta, momenta, at(switches_.momenta), n, m);  // the step uses m as stored
  load(weights_, weights, at(weights_), n, w);
  move(n, fan_in, m, g, v, w);
  for (size_t i = 0; i < n; ++i) w[i] = std::clamp(w[i], -1.0f, 1.0f);
  store(weights_, weights, at(weights_), n, w, counter(weight_base_));
}

void Optimizer::prefetch(const WeightSlice& slice, Arena& arena) const {
  const auto fetch = [&](Arena::Id matrix, Format format) {
    const size_t first = slice.input * row_stride(format, slice.block.units()) + slice.units.begin;
    const uint8_t* begin = arena.at(matrix) + bytes_for(format, first);
    const uint8_t* end = begin + bytes_for(format, slice.units.size());
    for (const uint8_t* line = begin; line < end; line += 64) __builtin_prefetch(line, 1);
  };
  fetch(slice.buffers.weights, weights_);
  fetch(slice.buffers.momenta, switches_.momenta);
  if (slice.buffers.second) fetch(*slice.buffers.second, Format::f32);
}

}  // namespace edgebnn
