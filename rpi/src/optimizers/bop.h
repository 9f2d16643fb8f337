// Bop (Helwegen et al. 2019): a weight is one bit, flipped where the average of its gradients
// insists: m <- m·(1 - gamma) + g·gamma, flip where |m| > tau and sgn(m) = sgn(W). beta takes Adam.
#pragma once

#include "optimizers/adam.h"

namespace edgebnn {

class Bop : public Adam {
 public:
  explicit Bop(const RunFile& run)
      : Adam(run), gamma_(static_cast<float>(run.gamma)), tau_(static_cast<float>(run.tau)) {}

 protected:
  void average(size_t n, float fan_in, const float* g, float* m) const override;
  void move(size_t n, float fan_in, const float* m, const float* g, float* v,
            float* w) const override;

 private:
  float gamma_, tau_;
};

}  // namespace edgebnn
