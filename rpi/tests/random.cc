// The generator against fixed vectors, computed once from docs/numerics.md by other means.
#include "random.h"

#include <cmath>
#include <vector>

#include "check.h"

namespace edgebnn {
namespace {

TEST("random: draws") {
  EQUAL(Stream(0, 1000).draw(0), 0x2bae97e81acb4af5u);
  EQUAL(Stream(0, 1000).draw(1), 0xb5affe15366f5522u);
  EQUAL(Stream(5, 1002).draw(12345), 0x4b62b94eb9cd7affu);
  EQUAL(Stream(7, kShuffle + 3).draw((uint64_t{5} << 32) + 9), 0xbe8fab4f5f73a58du);
  EQUAL(Stream(UINT64_MAX, UINT64_MAX).draw(UINT64_MAX), 0xbf5ce0170453275cu);
}

TEST("random: normal numbers") {
  EQUAL(std::fabs(Stream(0, 1000).normal(0) - -0.47091642565581054) < 1e-15, true);
  EQUAL(std::fabs(Stream(5, 1002).normal(77) - 0.2780882971402897) < 1e-15, true);
}

TEST("random: normal numbers have mean 0 and variance 1") {
  const Stream stream(11, kInitialWeights);
  constexpr int kCount = 100000;
  double sum = 0, squares = 0;
  for (uint64_t j = 0; j < kCount; ++j) {
    const double x = stream.normal(j);
    sum += x;
    squares += x * x;
  }
  EQUAL(std::fabs(sum / kCount) < 0.01, true);
  EQUAL(std::fabs(squares / kCount - 1) < 0.02, true);
}

TEST("permutation: fixed vectors") {
  const uint64_t ten[] = {6, 3, 4, 5, 9, 8, 0, 1, 2, 7};
  const Permutation small(3, 2, 10);
  for (uint64_t p = 0; p < 10; ++p) EQUAL(small(p), ten[p]);
  const uint64_t first[] = {48417, 1958, 2553, 28051};
  const Permutation mnist(0, 0, 55000);
  for (uint64_t p = 0; p < 4; ++p) EQUAL(mnist(p), first[p]);
}

TEST("permutation: every image once, whatever the count") {
  for (const uint64_t count : {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 1000, 5000}) {
    const Permutation order(9, 4, count);
    std::vector<int> seen(count);
    for (uint64_t p = 0; p < count; ++p) ++seen.at(order(p));
    size_t wrong = 0;
    for (const int times : seen) wrong += times != 1;
    EQUAL(wrong, size_t{0});
  }
}

TEST("permutation: epochs and seeds differ") {
  const Permutation a(0, 0, 1000), b(0, 1, 1000), c(1, 0, 1000);
  int same_epoch = 0, same_seed = 0;
  for (uint64_t p = 0; p < 1000; ++p) {
    same_epoch += a(p) == b(p);
    same_seed += a(p) == c(p);
  }
  EQUAL(same_epoch < 10, true);
  EQUAL(same_seed < 10, true);
}

// Those of tests/emulation/test_random.py, and the emulation's initial weights: both engines are
// pinned to the same numbers.
TEST("random: the emulation's vectors") {
  EQUAL(mix(1), 0x5692161d100b05e5u);
  const uint64_t ten[] = {5, 1, 7, 8, 2, 0, 6, 9, 4, 3};
  const Permutation order(3, 0, 10);
  for (uint64_t p = 0; p < 10; ++p) EQUAL(order(p), ten[p]);
  const float weights[] = {0x1.cea85p-1f,  -0x1.44aae8p-5f, -0x1.7cda3cp-1f,
                           0x1.0883d2p-3f, -0x1.1e984ap-1f, -0x1.07c5p-1f};
  const Stream layer(5, kInitialWeights + 1);  // fan-in 3
  for (uint64_t j = 0; j < 6; ++j)
    EQUAL(static_cast<float>(layer.normal(j) / std::sqrt(3.0)), weights[j]);
}

}  // namespace
}  // namespace edgebnn
