// SGD with momentum 0.9: m <- 0.9·m + g, W <- W - lr·m. A binary gradient is g = sign/sqrt(fan_in);
// narrow storage then keeps m in units of its bound, 10/sqrt(fan_in).
#pragma once

#include "optimizers/optimizer.h"

namespace edgebnn {

class Sgd : public Optimizer {
 public:
  explicit Sgd(const Switches& switches) : switches_(switches) {}
  void begin_step(float learning_rate) override { learning_rate_ = learning_rate; }
  void update_weights(const Block& block, const BlockBuffers& buffers, Arena& arena) override;
  void update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                   Arena& arena) override;

 private:
  Switches switches_;
  float learning_rate_ = 0;
};

}  // namespace edgebnn
