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

WeightMatrix Optimizer::matrix(size_t layer, const Block& block, const BlockBuffers& buffers,
                               Arena& arena) const {
  return {arena.at(buffers.weights),
          arena.at(buffers.momenta),
          buffers.second ? arena.at<float>(*buffers.second) : nullptr,
          block.units(),
          block.fan_in(),
          mix32(weight_base_[layer] + step_),
          mix32(momentum_base_[layer] + step_)};
}

void Optimizer::update_weights(const WeightMatrix& matrix, const WeightSlice& slice,
                               const float* g) const {
  const size_t n = slice.units.size();
  const auto at = [&](Format format) {
    return slice.input * row_stride(format, matrix.units) + slice.units.begin;
  };
  const size_t j = slice.input * matrix.units + slice.units.begin;
  const auto noise = static_cast<uint32_t>(j);  // where the slice's begins
  const auto fan_in = static_cast<float>(matrix.fan_in);
  float* v = matrix.second != nullptr ? matrix.second + j : nullptr;
  float m[kUnitsAtOnce], w[kUnitsAtOnce];
  load(switches_.momenta, matrix.momenta, at(switches_.momenta), n, m);
  average(n, fan_in, g, m);
  store(switches_.momenta, matrix.momenta, at(switches_.momenta), n, m,
        matrix.momentum_noise + noise);
  load(switches_.momenta, matrix.momenta, at(switches_.momenta), n, m);  // as stored
  load(weights_, matrix.weights, at(weights_), n, w);
  move(n, fan_in, m, g, v, w);
  for (size_t i = 0; i < n; ++i) w[i] = std::clamp(w[i], -1.0f, 1.0f);
  store(weights_, matrix.weights, at(weights_), n, w, matrix.weight_noise + noise);
}

void Optimizer::prefetch(const WeightMatrix& matrix, const WeightSlice& slice) const {
  const auto fetch = [&](const uint8_t* stored, Format format) {
    const size_t first = slice.input * row_stride(format, matrix.units) + slice.units.begin;
    const uint8_t* begin = stored + bytes_for(format, first);
    const uint8_t* end = begin + bytes_for(format, slice.units.size());
    for (const uint8_t* line = begin; line < end; line += 64) __builtin_prefetch(line, 1);
  };
  fetch(matrix.weights, weights_);
  fetch(matrix.momenta, switches_.momenta);
  if (matrix.second != nullptr) fetch(reinterpret_cast<const uint8_t*>(matrix.second), Format::f32);
}

}  // namespace edgebnn
