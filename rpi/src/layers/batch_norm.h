// Batch norm with a shift and no scale, in its three forms, and the sign behind it
// (docs/numerics.md, Forward 3-4, Backward 2).
#pragma once

#include "plan.h"

namespace edgebnn {

class BatchNorm {
 public:
  BatchNorm(const Block& block, const BlockBuffers& buffers, const Plan& plan,
            Format product_format, const Switches& switches, Arena& arena);

  // Y in the map -> sign bits (and what backward needs), or logits in the last block.
  // Training uses and moves the batch's statistics; else the moving ones are used.
  void forward(size_t samples, bool training);

  // dX' in the map -> dY in the map; dbeta (already divided by the batch) into the sums.
  void backward(size_t samples);

  // [units] f32, valid after backward in the same phase.
  const double* dbeta() const;

 private:
  void batch_statistics(size_t samples);
  void normalise(size_t samples, const float* mu);
  uint8_t* sample_of_map(size_t sample) const;

  const Block& block_;
  const BlockBuffers& buffers_;
  const Plan& plan_;
  Format product_format_;
  const Switches& switches_;
  Arena& arena_;
  size_t units_, positions_, words_;
};

}  // namespace edgebnn
