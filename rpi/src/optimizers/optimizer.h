// What every optimiser does for a block, one file an optimiser (docs/numerics.md, Update).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernels/registry.h"
#include "plan.h"

namespace edgebnn {

// A stored matrix: [fan_in][stride] elements.
struct StoredMatrix {
  Format format;
  uint8_t* array;
  size_t stride;
};

// The latent weights of a block and what goes with them, for one step.
struct WeightMatrix {
  UpdateRule rule;
  StoredMatrix weights, momenta;
  float* second;  // Adam's, or null
  size_t units;
  uint32_t weight_noise, momentum_noise;  // of the stochastic rounding
};

// Weights of one input and some units.
struct WeightSlice {
  size_t input = 0;
  Range units;  // at most kUnitsAtOnce, from a multiple of kChannelGrain on
};

class Optimizer {
 public:
  explicit Optimizer(const RunFile& run);
  virtual ~Optimizer() = default;

  // Opens step t = 1, 2, ... under this learning rate.
  virtual void begin_step(float learning_rate);

  // What it keeps itself from step to step; the buffers are the plan's.
  virtual std::vector<std::span<uint8_t>> state();

  // The matrix of a block, for this step; `layer`: its number among those that are trained, from 0.
  WeightMatrix matrix(size_t layer, const Block& block, const BlockBuffers& buffers,
                      Arena& arena) const;

  // Moves beta, a float32 vector, by its real gradient.
  virtual void update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                           Arena& arena) const = 0;

 protected:
  template <class Number>
  static std::span<uint8_t> bytes_of(Number& number) {
    return {reinterpret_cast<uint8_t*>(&number), sizeof number};
  }
  // How the weights of a block move in this step.
  virtual UpdateRule rule(float fan_in) const = 0;

  Switches switches_;
  float learning_rate_ = 0;

 private:
  uint32_t step_ = 0;
  // Of the stochastic rounding, by layer.
  std::vector<uint32_t> weight_base_, momentum_base_;
};

// Moves latent weights by their dW. Slices may be moved in any order and by any thread, each once a
// step.
void update_weights(const Kernels& kernels, const WeightMatrix& matrix, const WeightSlice& slice,
                    const WeightGradients& g);

// Asks for the memory of a slice that will be moved soon: rows of a matrix lie far apart.
void prefetch(const WeightMatrix& matrix, const WeightSlice& slice);

// The optimiser that a run names. Throws InputError with the known names.
std::unique_ptr<Optimizer> make_optimizer(const RunFile& run);

}  // namespace edgebnn
