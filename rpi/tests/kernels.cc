// Every kernel of every variant in the registry against its formula, at sizes around a word.
//
// Values are such that float64 sums are exact in any order, or the order is the same: what is
// compared, is compared exactly.
#include <cmath>
#include <cstdlib>
#include <vector>

#include "passes.h"

namespace edgebnn {
namespace {

using tests::each_variant;

constexpr size_t kSizes[] = {1, 7, 63, 64, 65, 130};
constexpr size_t kRows[] = {0, 1, 3, 8, 17};

// Binary operands: X and W with their packed forms. Pad bits are zero.
struct Bits {
  Bits(size_t rows, size_t units, size_t bits)
      : rows(rows),
        units(units),
        bits(bits),
        words((bits + 63) / 64),
        x(rows * words),
        w((units + 7) / 8 * 8 * words) {
    const Stream random(rows * 1000 + units, bits);
    uint64_t next = 0;
    for (size_t i = 0; i < x.size(); ++i) x[i] = random.draw(next++) & inside(i % words);
    for (size_t i = 0; i < w.size(); ++i) w[i] = random.draw(next++) & inside(i / 8 % words);
  }

  int product(size_t m, size_t n) const {
    int sum = 0;
    for (size_t i = 0; i < bits; ++i) {
      const uint64_t unit = w[(n / 8 * words + i / 64) * 8 + n % 8];
      sum += sign(x[m * words + i / 64], i) * sign(unit, i);
    }
    return sum;
  }

  size_t rows, units, bits, words;
  std::vector<uint64_t> x, w;

 private:
  uint64_t inside(size_t word) const {
    const size_t left = bits - word * 64;
    return left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
  }
  static int sign(uint64_t word, size_t i) { return word >> (i % 64) & 1 ? 1 : -1; }
};

TEST("kernels: binary x binary") {
  size_t wrong = 0;
  each_variant([&](const Kernels& kernels) {
    for (const size_t rows : kRows) {
      for (const size_t units : kSizes) {
        for (const size_t bits : kSizes) {
          const Bits o(rows, units, bits);
          std::vector<int32_t> y(rows * units + 1, 12345);
          kernels.binary_binary(rows, units, o.words, static_cast<int32_t>(bits), o.x.data(),
                                o.w.data(), y.data());
          for (size_t m = 0; m < rows; ++m) {
            for (size_t n = 0; n < units; ++n) wrong += y[m * units + n] != o.product(m, n);
          }
          wrong += y.back() != 12345;
        }
      }
    }
  });
  EQUAL(wrong, size_t{0});
}

TEST("kernels: a variant is forced by name; an unknown one is refused with those that run") {
  EQUAL(std::string(all_kernels().back().name), "scalar");
  setenv("EDGEBNN_KERNEL", "scalar", 1);
  EQUAL(std::string(chosen_kernels().name), "scalar");
  setenv("EDGEBNN_KERNEL", "abacus", 1);
  SAYS(chosen_kernels(), "EDGEBNN_KERNEL: found 'abacus'");
  SAYS(chosen_kernels(), "scalar");
  setenv("EDGEBNN_KERNEL", "exact", 1);
  const Kernels exact = chosen_kernels();
  unsetenv("EDGEBNN_KERNEL");
  EQUAL(std::string(exact.name), "exact");
  EQUAL(exact.binary_binary == chosen_kernels().binary_binary, true);
  EQUAL(exact.real_binary == chosen_kernels().real_binary_exact, true);
  EQUAL(exact.integer_real == chosen_kernels().integer_real_exact, true);
}

TEST("kernels: exact sums of any reals are the scalar variant's to the bit") {
  constexpr size_t kCount = 70, kTerms = 160, kLanes = 48;
  const Stream random(7, 7);
  std::vector<float> g(kCount * kTerms);
  std::vector<uint32_t> b(kTerms / 32 * kLanes);
  std::vector<int16_t> c(kCount * 64);
  uint64_t next = 0;
  for (float& value : g) {  // of very different magnitudes
    const uint64_t draw = random.draw(next++);
    value = std::ldexp(static_cast<float>(draw >> 40) - 8388608.0f, -static_cast<int>(draw % 40));
  }
  for (uint32_t& word : b) word = static_cast<uint32_t>(random.draw(next++));
  for (int16_t& value : c) value = static_cast<int16_t>(random.draw(next++) % 511) - 255;
  const Kernels& scalar = all_kernels().back();
  each_variant([&](const Kernels& kernels) {
    std::vector<double> found(kCount * kLanes, 0.1), expected = found;
    kernels.real_binary_exact(kCount, kTerms, kLanes, g.data(), b.data(), {found.data(), kLanes});
    scalar.real_binary(kCount, kTerms, kLanes, g.data(), b.data(), {expected.data(), kLanes});
    EQUAL(found == expected, true);
    for (const size_t units : kSizes) {
      std::vector<double> sums(64 * units, 0.1), wanted = sums;
      kernels.integer_real_exact(kCount, 64, units, c.data(), g.data(), sums.data());
      scalar.integer_real(kCount, 64, units, c.data(), g.data(), wanted.data());
      EQUAL(sums == wanted, true);
    }
  });
}

TEST("kernels: many words of the largest inputs overflow nothing") {
  each_variant([&](const Kernels& kernels) {
    for (const size_t words : {64, 65, 512}) {
      const auto bits = static_cast<int32_t>(words * 64);
      const std::vector<uint64_t> ones(words * 8, ~uint64_t{0}), zeros(words * 8);
      int32_t y = 0;
      kernels.binary_binary(1, 1, words, bits, ones.data(), ones.data(), &y);
      EQUAL(y, bits);
      kernels.binary_binary(1, 1, words, bits, ones.data(), zeros.data(), &y);
      EQUAL(y, -bits);
    }
  });
}

}  // namespace
}  // namespace edgebnn
