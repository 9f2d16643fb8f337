// Softmax cross-entropy of the logits, in float64 (docs/numerics.md, Forward 5, Backward 1).
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

struct LossSum {
  double loss = 0;     // summed over the samples
  size_t correct = 0;  // samples whose largest logit (the first of equals) is the label's
};

// z: [classes] f32. Returns the sample's loss; `gradient`, if given, takes softmax(z) - onehot.
LossSum softmax_cross_entropy(const float* z, size_t classes, int32_t label, float* gradient);

}  // namespace edgebnn
