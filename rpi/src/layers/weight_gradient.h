// dW = X^T dY, for the 64 inputs of a word and up to kUnitsAtOnce units at a time, each of which
// moves its weights at once: dW never exists as a whole (docs/numerics.md, Backward 4, Update).
// Threads share these pieces, so each sum runs over all rows in order.
#pragma once

#include "layers/context.h"
#include "layers/input_rows.h"
#include "optimizers/optimizer.h"

namespace edgebnn {

class WeightGradient {
 public:
  WeightGradient(const Block& block, const BlockBuffers& buffers, const Context& context,
                 Optimizer& optimizer, size_t layer)
      : block_(block),
        buffers_(buffers),
        context_(context),
        optimizer_(optimizer),
        layer_(layer),
        lanes_(lanes_of(block)) {}

  // From dY in the map. Where dX will be asked for, W^ is packed first.
  void run(const ProductInput& input, size_t samples);

 private:
  struct Task {
    InputRows input;
    size_t samples, part;
  };
  Range units_of(size_t piece) const;
  void load_rows(Range units, size_t first, size_t count, float* g) const;
  void accumulate(const Task& task, Range units, size_t word, double* sums) const;
  void border_of(const Task& task, Range units, double* border) const;
  void update(const Task& task, Range units, size_t word, const double* sums) const;

  const Block& block_;
  const BlockBuffers& buffers_;
  const Context& context_;
  Optimizer& optimizer_;
  size_t layer_;
  Lanes lanes_;
};

}  // namespace edgebnn
