// What every optimiser does for a block, one file an optimiser (docs/numerics.md, Update).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "plan.h"

namespace edgebnn {

// The latent weights of a block and what goes with them.
struct WeightMatrix {
  uint8_t *weights, *momenta;
  float* second;  // Adam's, or null
  size_t units, fan_in;
  uint32_t weight_noise, momentum_noise;  // of the stochastic rounding, in this step
};

// Weights of one input and some units.
struct WeightSlice {
  size_t input = 0;
  Range units;  // at most kUnitsAtOnce
};

class Optimizer {
 public:
  explicit Optimizer(const RunFile& run);
  virtual ~Optimizer() = default;

  // Opens step t = 1, 2, ... under this learning rate.
  virtual void begin_step(float learning_rate);

  // What it keeps itself from step to step; the buffers are the plan's.
  virtual std::vector<std::span<uint8_t>> state();

  // The matrix of block number `layer`, for this step.
  WeightMatrix matrix(size_t layer, const Block& block, const BlockBuffers& buffers,
                      Arena& arena) const;

  // Moves latent weights by their dW, g: [units], clipped to [-1, 1] and stored. Slices may be
  // moved in any order and by any thread, each once a step.
  void update_weights(const WeightMatrix& matrix, const WeightSlice& slice, const float* g) const;

  // Asks for the memory of a slice that will be moved soon: rows of a matrix lie far apart.
  void prefetch(const WeightMatrix& matrix, const WeightSlice& slice) const;

  // Moves beta, a float32 vector, by its real gradient.
  virtual void update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                           Arena& arena) const = 0;

 protected:
  template <class Number>
  static std::span<uint8_t> bytes_of(Number& number) {
    return {reinterpret_cast<uint8_t*>(&number), sizeof number};
  }
  // m <- what is to be stored of the average of m and the gradient.
  virtual void average(size_t n, float fan_in, const float* g, float* m) const = 0;
  // w <- the weights after the step, given m as stored; v is absent where it is not kept.
  virtual void move(size_t n, float fan_in, const float* m, const float* g, float* v,
                    float* w) const = 0;

  Switches switches_;
  float learning_rate_ = 0;

 private:
  Format weights_;
  uint32_t step_ = 0;
  // Of the stochastic rounding, by layer.
  std::vector<uint32_t> weight_base_, momentum_base_;
};

// The optimiser that a run names. Throws InputError with the known names.
std::unique_ptr<Optimizer> make_optimizer(const RunFile& run);

}  // namespace edgebnn
