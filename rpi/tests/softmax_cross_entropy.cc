// Loss and gradient of the logits against values computed by hand.
#include "layers/softmax_cross_entropy.h"

#include <cmath>

#include "check.h"

namespace edgebnn {
namespace {

TEST("softmax: equal logits") {
  const float z[4] = {2, 2, 2, 2};
  float gradient[4];
  const LossSum sum = softmax_cross_entropy(z, 4, 0, gradient);
  EQUAL(std::fabs(sum.loss - std::log(4.0)) < 1e-15, true);
  EQUAL(sum.correct, size_t{1});  // the first of equals
  EQUAL(gradient[0], -0.75f);
  EQUAL(gradient[3], 0.25f);
  EQUAL(softmax_cross_entropy(z, 4, 3, nullptr).correct, size_t{0});
}

TEST("softmax: huge logits stay finite; none that is no number goes unseen") {
  const float z[3] = {10000, 0, -10000};
  float gradient[3];
  EQUAL(softmax_cross_entropy(z, 3, 1, gradient).loss, 10000.0);
  EQUAL(gradient[0], 1.0f);
  EQUAL(gradient[1], -1.0f);
  EQUAL(gradient[2], 0.0f);
  const float none[2] = {std::nanf(""), 0};
  EQUAL(std::isfinite(softmax_cross_entropy(none, 2, 0, nullptr).loss), false);
}

TEST("softmax: loss and gradient are the definition") {
  const float z[4] = {0.5f, -1.25f, 2.0f, 0.0f};
  double sum = 0;
  for (const float value : z) sum += std::exp(static_cast<double>(value));
  for (int32_t label = 0; label < 4; ++label) {
    float gradient[4];
    const LossSum found = softmax_cross_entropy(z, 4, label, gradient);
    const double expected = std::log(sum) - static_cast<double>(z[label]);
    EQUAL(std::fabs(found.loss - expected) < 1e-14, true);
    EQUAL(found.correct, size_t{label == 2});
    for (int c = 0; c < 4; ++c) {
      const double p = std::exp(static_cast<double>(z[c])) / sum - (c == label ? 1 : 0);
      EQUAL(std::fabs(static_cast<double>(gradient[c]) - p) < 1e-7, true);
    }
  }
}

}  // namespace
}  // namespace edgebnn
