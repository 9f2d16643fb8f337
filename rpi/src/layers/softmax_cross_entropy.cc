#include "layers/softmax_cross_entropy.h"

#include <cmath>

namespace edgebnn {

LossSum softmax_cross_entropy(const float* z, size_t classes, int32_t label, float* gradient) {
  size_t largest = 0;
  for (size_t c = 1; c < classes; ++c) {
    if (z[c] > z[largest]) largest = c;
  }
  const auto m = static_cast<double>(z[largest]);
  double sum = 0;
  for (size_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(z[c]) - m);
  const auto y = static_cast<size_t>(label);
  if (gradient != nullptr) {
    for (size_t c = 0; c < classes; ++c) {
      const double p = std::exp(static_cast<double>(z[c]) - m) / sum;
      gradient[c] = static_cast<float>(p - (c == y ? 1.0 : 0.0));
    }
  }
  return {std::log(sum) - (static_cast<double>(z[y]) - m), largest == y ? size_t{1} : size_t{0}};
}

}  // namespace edgebnn
