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
  UpdateRule rule(float) const override {
    return {.move = UpdateRule::Move::flip, .keep = 1.0f - gamma_, .take = gamma_, .tau = tau_};
  }

 private:
  float gamma_, tau_;
};

}  // namespace edgebnn
