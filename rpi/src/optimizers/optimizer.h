// What every optimiser does for a block, one file an optimiser (docs/numerics.md, Update).
#pragma once

#include <memory>

#include "plan.h"

namespace edgebnn {

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // Opens step t = 1, 2, ... under this learning rate.
  virtual void begin_step(float learning_rate) = 0;

  // Moves the block's latent weights by its dW, clipped to [-1, 1] and stored; each is touched
  // once.
  virtual void update_weights(const Block& block, const BlockBuffers& buffers, Arena& arena) = 0;

  // Moves beta, a float32 vector, by its real gradient.
  virtual void update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                           Arena& arena) = 0;
};

// The optimiser that a run names. Throws InputError with the known names.
std::unique_ptr<Optimizer> make_optimizer(const RunFile& run);

// Elements handled at once by an update: they stay in the first-level cache.
inline constexpr size_t kUpdateChunk = 512;

// Elements [first, first + n) of a block's dW as float32: signs (-1, +1) or values.
void load_gradient(bool binary, const void* dw, size_t first, size_t n, float* out);

}  // namespace edgebnn
