// Adam (Kingma & Ba 2015). Under binary gradients |g| is one constant, so the bias-corrected second
// moment is that constant's square and is not stored: W <- W - a·m with m an average of signs.
#pragma once

#include "optimizers/optimizer.h"

namespace edgebnn {

class Adam : public Optimizer {
 public:
  explicit Adam(const Switches& switches) : switches_(switches) {}
  void begin_step(float learning_rate) override;
  void update_weights(const Block& block, const BlockBuffers& buffers, Arena& arena) override;
  void update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                   Arena& arena) override;

 private:
  float moved(float w, float m, float v) const;

  Switches switches_;
  float learning_rate_ = 0, beta1_power_ = 1, beta2_power_ = 1;
};

}  // namespace edgebnn
