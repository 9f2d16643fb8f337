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
  void average(size_t n, float fan_in, const float* g, float* m) const override;
  void move(size_t n, float fan_in, const float* m, const float* g, float* v,
            float* w) const override;

 private:
  float moved(float w, float m, float v) const;

  float beta1_power_ = 1, beta2_power_ = 1;
};

}  // namespace edgebnn
