// Bop (Helwegen et al. 2019): a weight is one bit, flipped where the average of its gradients
// insists: m <- m·(1 - gamma) + g·gamma, flip where |m| > tau and sgn(m) = sgn(W). gamma follows
// the schedule; beta takes Adam. Storage that saturates keeps averages of signs in units of 2 tau.
#pragma once

#include "optimizers/adam.h"

namespace edgebnn {

class Bop : public Adam {
 public:
  explicit Bop(const RunFile& run);

 protected:
  UpdateRule rule(float fan_in) const override;

 private:
  float gamma_, tau_, full_rate_;
  float unit_;  // of m
};

}  // namespace edgebnn
