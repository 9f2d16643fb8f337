// Adam (Kingma & Ba 2015). Under binary gradients |g| is one constant, so the bias-corrected second
// moment is that constant's square and is not stored: W <- W - a·m with m an average of signs.
#pragma once

#include "optimizers/optimizer.h"

namespace edgebnn {

class Adam : public Optimizer {
 public:
  using Optimizer::Optimizer;
  void begin_step(float learning_rate) override;
  std::vector<std::span<uint8_t>> state() override;
  void update_beta(const Block& block, const BlockBuffers& buffers, const double* dbeta,
                   Arena& arena) const override;

 protected:
  UpdateRule rule(float fan_in) const override;

 private:
  UpdateRule adaptive() const;

  float beta1_power_ = 1, beta2_power_ = 1;
};

}  // namespace edgebnn
