// The folded threshold against the float32 expression it stands for, product by product.
#include "threshold.h"

#include <cmath>

#include "check.h"
#include "runs.h"

using namespace edgebnn;

namespace {

// Wrong decisions over all products, and products at which X' falls.
int wrong(const UnitNorm& norm, int32_t largest) {
  const int32_t threshold = threshold_of(norm, largest);
  int count = threshold < -largest || threshold > largest + 1;
  for (int32_t y = -largest; y <= largest; ++y) count += (y >= threshold) != (norm(y) >= 0);
  return count;
}

}  // namespace

TEST("threshold: the sign of batch norm for every product") {
  tests::Random random(7);
  const auto real = [&](double scale) {
    return static_cast<float>(scale * (static_cast<double>(random() % 2000001) / 1e6 - 1));
  };
  for (int32_t largest : {1, 2, 27, 784, 3000}) {
    for (int i = 0; i < 200; ++i) {
      const float scale = std::pow(10.0f, static_cast<float>(tests::between(random, -3, 3)));
      const float psi = std::fabs(real(scale));
      EQUAL(wrong({real(1.2 * largest), reciprocal_of(psi), real(3)}, largest), 0);
      // The boundary within a rounding of a product.
      const auto y = static_cast<float>(tests::between(random, -largest, largest));
      const float r = reciprocal_of(psi);
      EQUAL(wrong({y, r, 0}, largest), 0);
      EQUAL(wrong({std::nextafter(y, 1e9f), r, 0}, largest), 0);
      EQUAL(wrong({0, r, -y * r}, largest), 0);
      EQUAL(wrong({0, r, std::nextafter(-y * r, -1e9f)}, largest), 0);
    }
  }
}

TEST("threshold: always, never, a dead channel, extremes") {
  EQUAL(threshold_of({0, 1, 100}, 9), -9);
  EQUAL(threshold_of({0, 1, -100}, 9), 10);
  EQUAL(threshold_of({3, 0, 0.5f}, 9), -9);
  EQUAL(threshold_of({3, 0, 0}, 9), -9);
  EQUAL(threshold_of({3, 0, -0.5f}, 9), 10);
  EQUAL(reciprocal_of(0), 0.0f);
  EQUAL(reciprocal_of(0x1p-10f), 1024.0f);
  EQUAL(reciprocal_of(std::nextafter(0x1p-10f, 0.0f)), 0.0f);
  EQUAL(reciprocal_of(-1), 0.0f);
  EQUAL(wrong({3, reciprocal_of(1e-45f), 0}, 9), 0);  // infinite: 0·inf is no number, not >= 0
  EQUAL(wrong({3, 1e-45f, 1e-45f}, 9), 0);
  EQUAL(threshold_of({0, 1, 0}, INT32_MAX - 1), 0);
  EQUAL(threshold_of({0, 0, -1}, INT32_MAX - 1), INT32_MAX);
  EQUAL(threshold_of({0, 0, 1}, INT32_MAX - 1), -(INT32_MAX - 1));
}

TEST("largest product: the fan-in, over pixels times 255") {
  const Network network = compile(tests::run_of(
      {8, 9, 3}, {"conv 5 3 1 same", "batch_norm", "sign", "flatten", "dense 4", "batch_norm"}));
  EQUAL(largest_product(network.blocks[0]), int64_t{27 * 255});
  EQUAL(largest_product(network.blocks[1]), int64_t{8 * 9 * 5});
}
