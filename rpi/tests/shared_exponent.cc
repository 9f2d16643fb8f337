// The exponents that narrow gradients share, and the rounding of narrow weights and momenta.
#include <bit>
#include <cmath>
#include <vector>

#include "check.h"
#include "gradient_map.h"
#include "passes.h"

using namespace edgebnn;

TEST("shared exponents: every variant is the definition") {
  for (const size_t n : tests::kChannels) {
    tests::Drawn drawn(n);
    const auto top = drawn.many<int32_t>(
        n, [&] { return drawn.bits() % 5 == 0 ? 0 : drawn.bits() & 0x7F7FFFFF; });
    tests::each_variant([&](const Kernels& kernels, const Kernels& scalar) {
      EQUAL(kernels.highest_magnitude(n, top.data()), scalar.highest_magnitude(n, top.data()));
      for (const int largest : {8191, 127, 31}) {
        std::vector<int8_t> one(n + 1, 9), other = one;
        scalar.shared_exponents(n, top.data(), largest, one.data());
        kernels.shared_exponents(n, top.data(), largest, other.data());
        EQUAL(tests::same_bytes(one, other), true);
      }
    });
  }
}

TEST("shared exponent: the smallest under which the largest magnitude fits") {
  for (const int largest : {8191, 127, 31}) {
    for (const float top :
         {1.0f, 0.99f, 127.0f, 127.00001f, 8191.0f, 8192.0f, 3e-20f, 5e20f, 62.0f}) {
      const float scale = power_of_two(shared_exponent(std::bit_cast<int32_t>(top), largest));
      EQUAL(top <= static_cast<float>(largest) * scale, true);
      EQUAL(top > static_cast<float>(largest) * (scale / 2), true);
    }
    EQUAL(shared_exponent(0, largest), -126);
  }
}

TEST("i8 and i4: every value is stored as itself, whatever the noise; others go to a neighbour") {
  for (const Format format : {Format::i8_weight, Format::i8_momentum, Format::i4_momentum}) {
    const int steps = format == Format::i8_weight ? 512 : format == Format::i8_momentum ? 127 : 7;
    const int most = format == Format::i8_weight ? 127 : steps;
    uint8_t memory[4] = {};
    for (int k = -most; k <= most; ++k) {
      const float x = static_cast<float>(k) / static_cast<float>(steps);
      for (uint32_t counter = 0; counter < 50; ++counter) {
        float between = x + 0.3f / static_cast<float>(steps), found = 0;
        store(format, memory, 3, 1, &between, counter);
        load(format, memory, 3, 1, &found);
        const float moved = (found - x) * static_cast<float>(steps);
        EQUAL(std::fabs(moved) < 1e-3f || std::fabs(moved - 1) < 1e-3f, true);
      }
      float nearest = 0;
      store(format, memory, 3, 1, &x);
      load(format, memory, 3, 1, &nearest);
      EQUAL(std::fabs(nearest - x) < 1e-6f, true);
    }
  }
}

TEST("i4 and bits: neighbours in a byte are left alone; rows begin with a byte") {
  EQUAL(row_stride(Format::i4_momentum, 33), size_t{34});
  EQUAL(row_stride(Format::bit, 33), size_t{40});
  EQUAL(row_stride(Format::q15, 33), size_t{33});
  for (const Format format : {Format::i4_momentum, Format::bit}) {
    uint8_t memory[8] = {};
    const std::vector<float> in(9, -1.0f);
    const float one = 1;
    std::vector<float> out(9);
    store(format, memory, 0, 9, in.data());
    store(format, memory, 4, 1, &one);
    load(format, memory, 0, 9, out.data());
    for (size_t i = 0; i < 9; ++i) EQUAL(out[i], i == 4 ? 1.0f : -1.0f);
  }
}
