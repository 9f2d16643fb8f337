#include "optimizers/bop.h"

namespace edgebnn {

Bop::Bop(const RunFile& run)
    : Adam(run),
      gamma_(static_cast<float>(run.gamma)),
      tau_(static_cast<float>(run.tau)),
      full_rate_(static_cast<float>(run.learning_rate)) {
  const Format m = switches_.momenta;
  const bool saturates = switches_.binary_weight_gradient && m != Format::f32 && m != Format::f16;
  unit_ = saturates && tau_ > 0 && tau_ < 0.5f ? 2 * tau_ : 1;
}

UpdateRule Bop::rule(float) const {
  const float gamma = gamma_ * (learning_rate_ / full_rate_);
  return {.move = UpdateRule::Move::flip,
          .keep = 1.0f - gamma,
          .take = gamma / unit_,
          .tau = tau_ / unit_};
}

}  // namespace edgebnn
