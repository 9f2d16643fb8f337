#include "passes.h"

namespace edgebnn {
namespace {

using namespace tests;

TEST("max-pool: largest and first winner, in place, every variant as the definition") {
  for (const size_t rows : kRows) {
    for (const size_t n : kChannels) {
      Drawn drawn(rows * 1000 + n);
      const size_t stride = n + 3, apart = (n + 3) / 4 + 1;
      const auto y = drawn.many<int32_t>((4 * rows + 1) * stride, [&] { return drawn.integer(2); });
      each_variant([&](const Kernels& kernels, const Kernels& scalar) {
        auto one = y, other = y;
        std::vector<uint8_t> winners(rows * apart + 1, 9), others = winners;
        scalar.max_pool(rows, n, stride, one.data(), one.data(), winners.data(), apart);
        kernels.max_pool(rows, n, stride, other.data(), other.data(), others.data(), apart);
        EQUAL(same_bytes(others, winners), true);
        for (size_t m = 0; m < rows; ++m)
          EQUAL(std::memcmp(&one[m * stride], &other[m * stride], n * 4), 0);
      });
    }
  }
}

TEST("spread: a gradient goes to its winner's place alone, every variant as the definition") {
  for (const size_t n : kChannels) {
    Drawn drawn(n);
    const auto winners = drawn.bytes((n + 3) / 4), g = drawn.bytes(n * 4);
    each_variant([&](const Kernels& kernels, const Kernels& scalar) {
      for (const size_t bytes : {1, 2, 4}) {
        const auto spread = [&](const Kernels& by) {
          std::vector<uint8_t> map(4 * (n * 4 + 4), 9);
          void* places[4];
          for (size_t k = 0; k < 4; ++k) places[k] = map.data() + k * (n * 4 + 4);
          by.spread(n, bytes, g.data(), winners.data(), places);
          return map;
        };
        EQUAL(same_bytes(spread(kernels), spread(scalar)), true);
      }
    });
  }
}

}  // namespace
}  // namespace edgebnn
