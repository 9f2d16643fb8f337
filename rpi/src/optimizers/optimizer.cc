#include "optimizers/optimizer.h"

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

Optimizer::Optimizer(const RunFile& run) : switches_(run.switches) {
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
  const size_t units = block.units();
  const Format stored = buffers.weight_format;
  return {.rule = rule(static_cast<float>(block.fan_in())),
          .weights = {stored, arena.at(buffers.weights), row_stride(stored, units)},
          .momenta = {switches_.momenta, arena.at(*buffers.momenta),
                      row_stride(switches_.momenta, units)},
          .second = buffers.second ? arena.at<float>(*buffers.second) : nullptr,
          .units = units,
          .weight_noise = mix32(weight_base_[layer] + step_),
          .momentum_noise = mix32(momentum_base_[layer] + step_)};
}

void update_weights(const Kernels& kernels, const WeightMatrix& matrix, const WeightSlice& slice,
                    const WeightGradients& g) {
  static_assert(kUnitsAtOnce <= kWeightsAtOnce);
  const size_t j = slice.input * matrix.units + slice.units.begin;
  const auto run = [&](const StoredMatrix& of, uint32_t noise) {
    return StoredRun{of.format, of.array, slice.input * of.stride + slice.units.begin,
                     noise + static_cast<uint32_t>(j)};
  };
  kernels.weight_update(matrix.rule, slice.units.size(), g,
                        run(matrix.momenta, matrix.momentum_noise),
                        matrix.second != nullptr ? matrix.second + j : nullptr,
                        run(matrix.weights, matrix.weight_noise));
}

void prefetch(const WeightMatrix& matrix, const WeightSlice& slice) {
  const auto fetch = [&](const StoredMatrix& of) {
    const size_t first = slice.input * of.stride + slice.units.begin;
    const uint8_t* begin = of.array + bytes_for(of.format, first);
    const uint8_t* end = begin + bytes_for(of.format, slice.units.size());
    for (const uint8_t* line = begin; line < end; line += 64) __builtin_prefetch(line, 1);
  };
  fetch(matrix.weights);
  fetch(matrix.momenta);
  if (matrix.second != nullptr)
    fetch({Format::f32, reinterpret_cast<uint8_t*>(matrix.second), matrix.units});
}

}  // namespace edgebnn
