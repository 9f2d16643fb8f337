// SGD with momentum 0.9: m <- 0.9·m + g, W <- W - lr·m. A binary gradient is g = sign/sqrt(fan_in);
// narrow storage then keeps m in units of its bound, 10/sqrt(fan_in).
#pragma once

#include "optimizers/optimizer.h"

namespace edgebnn {

class Sgd : public Optimizer {
 public:
  using Optimizer::Optimizer;
  void update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                   Arena& arena) const override;

 protected:
  UpdateRule rule(float fan_in) const override;

 private:
  bool in_units_of_bound() const;
};

}  // namespace edgebnn
