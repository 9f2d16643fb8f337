// Every kernel of every variant in the registry against its formula, at sizes around a word.
//
// Values are such that float64 sums are exact in any order: what is compared, is compared exactly.
#include <cstdlib>
#include <vector>

#include "check.h"
#include "kernels/registry.h"
#include "random.h"

namespace edgebnn {
namespace {

constexpr size_t kSizes[] = {0, 1, 7, 63, 64, 65, 130};  // bits of a row, units
constexpr size_t kRows[] = {0, 1, 3, 8, 17};

// Inputs of one product: X or c, W and G with their packed forms. Pad bits are zero.
struct Operands {
  Operands(size_t rows, size_t units, size_t bits)
      : rows(rows),
        units(units),
        bits(bits),
        words((bits + 63) / 64),
        x(rows * words),
        w(units * words),
        c(rows * words * 64),
        g(rows * units) {
    const Stream random(rows * 1000 + units, bits);
    uint64_t next = 0;
    for (auto* packed : {&x, &w}) {
      for (size_t i = 0; i < packed->size(); ++i) {
        const size_t left = bits - i % words * 64;
        const uint64_t inside = left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
        (*packed)[i] = random.draw(next++) & inside;
      }
    }
    for (size_t m = 0; m < rows; ++m) {
      for (size_t i = 0; i < bits; ++i) {
        c[m * words * 64 + i] = static_cast<int16_t>(2 * (random.draw(next++) >> 56)) - 255;
      }
    }
    // Multiples of 2^-8 below 2^8: sixteen bits, and zero among them.
    for (float& value : g) {
      value = (static_cast<float>(random.draw(next++) >> 48) - 32768) * 0x1p-8f;
    }
  }

  int input_sign(size_t m, size_t i) const { return sign(x[m * words + i / 64], i); }
  int weight_sign(size_t n, size_t i) const { return sign(w[n * words + i / 64], i); }

  size_t rows, units, bits, words;
  std::vector<uint64_t> x, w;
  std::vector<int16_t> c;
  std::vector<float> g;

 private:
  static int sign(uint64_t word, size_t i) { return word >> (i % 64) & 1 ? 1 : -1; }
};

template <class Body>
void each_case(const Body& body) {
  for (const Kernels& kernels : all_kernels()) {
    if (!kernels.runs()) {
      std::cout << "SKIP " << kernels.name << ": not on this machine\n";
      continue;
    }
    for (const size_t rows : kRows) {
      for (const size_t units : kSizes) {
        for (const size_t bits : kSizes) body(kernels, Operands(rows, units, bits));
      }
    }
  }
}

TEST("kernels: binary x binary") {
  size_t wrong = 0;
  each_case([&](const Kernels& kernels, const Operands& o) {
    std::vector<int32_t> y(o.rows * o.units + 1, 12345);
    kernels.binary_binary(o.rows, o.units, o.words, static_cast<int32_t>(o.bits), o.x.data(),
                          o.w.data(), y.data());
    for (size_t m = 0; m < o.rows; ++m) {
      for (size_t n = 0; n < o.units; ++n) {
        int32_t sum = 0;
        for (size_t i = 0; i < o.bits; ++i) sum += o.input_sign(m, i) * o.weight_sign(n, i);
        wrong += y[m * o.units + n] != sum;
      }
    }
    wrong += y.back() != 12345;
  });
  EQUAL(wrong, size_t{0});
}

TEST("kernels: integer x binary") {
  size_t wrong = 0;
  each_case([&](const Kernels& kernels, const Operands& o) {
    std::vector<int32_t> y(o.rows * o.units + 1, 12345);
    kernels.integer_binary(o.rows, o.units, o.words, o.c.data(), o.w.data(), y.data());
    for (size_t m = 0; m < o.rows; ++m) {
      for (size_t n = 0; n < o.units; ++n) {
        int32_t sum = 0;
        for (size_t i = 0; i < o.bits; ++i) sum += o.c[m * o.words * 64 + i] * o.weight_sign(n, i);
        wrong += y[m * o.units + n] != sum;
      }
    }
    wrong += y.back() != 12345;
  });
  EQUAL(wrong, size_t{0});
}

TEST("kernels: real x binary adds dX to what is there") {
  size_t wrong = 0;
  each_case([&](const Kernels& kernels, const Operands& o) {
    std::vector<double> d(o.rows * o.words * 64 + 1, 3.0);
    kernels.real_binary(o.rows, o.units, o.words, o.g.data(), o.w.data(), d.data());
    for (size_t m = 0; m < o.rows; ++m) {
      for (size_t i = 0; i < o.bits; ++i) {
        double sum = 3.0;
        for (size_t n = 0; n < o.units; ++n)
          sum += static_cast<double>(o.g[m * o.units + n]) * o.weight_sign(n, i);
        wrong += d[m * o.words * 64 + i] != sum;
      }
    }
    wrong += d.back() != 3.0;
  });
  EQUAL(wrong, size_t{0});
}

// One word's column of X: [rows].
std::vector<uint64_t> column_of(const Operands& o, size_t word) {
  std::vector<uint64_t> column(o.rows);
  for (size_t m = 0; m < o.rows; ++m) column[m] = o.x[m * o.words + word];
  return column;
}

TEST("kernels: binary x real adds dW to what is there") {
  size_t wrong = 0;
  each_case([&](const Kernels& kernels, const Operands& o) {
    for (size_t word = 0; word < o.words; ++word) {
      std::vector<double> a(64 * o.units + 1, -2.0);
      kernels.binary_real(o.rows, o.units, column_of(o, word).data(), o.g.data(), a.data());
      for (size_t i = word * 64; i < o.bits && i < word * 64 + 64; ++i) {
        for (size_t n = 0; n < o.units; ++n) {
          double sum = -2.0;
          for (size_t m = 0; m < o.rows; ++m)
            sum += static_cast<double>(o.g[m * o.units + n]) * o.input_sign(m, i);
          wrong += a[i % 64 * o.units + n] != sum;
        }
      }
      wrong += a.back() != -2.0;
    }
  });
  EQUAL(wrong, size_t{0});
}

TEST("kernels: integer x real adds dW to what is there") {
  size_t wrong = 0;
  each_case([&](const Kernels& kernels, const Operands& o) {
    const size_t stride = o.words * 64;
    for (size_t word = 0; word < o.words; ++word) {
      std::vector<double> a(64 * o.units + 1, -2.0);
      kernels.integer_real(o.rows, o.units, stride, o.c.data() + word * 64, o.g.data(), a.data());
      for (size_t i = 0; i < 64; ++i) {  // lanes of padding hold c = 0, and add nothing
        for (size_t n = 0; n < o.units; ++n) {
          double sum = -2.0;
          for (size_t m = 0; m < o.rows; ++m)
            sum += static_cast<double>(o.g[m * o.units + n]) * o.c[m * stride + word * 64 + i];
          wrong += a[i * o.units + n] != sum;
        }
      }
      wrong += a.back() != -2.0;
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
  unsetenv("EDGEBNN_KERNEL");
}

TEST("kernels: many words of the largest inputs overflow nothing") {
  for (const Kernels& kernels : all_kernels()) {
    if (!kernels.runs()) continue;
    for (const size_t words : {64, 65, 512}) {
      const auto bits = static_cast<int32_t>(words * 64);
      const std::vector<int16_t> c(words * 64, -255);
      const std::vector<uint64_t> ones(words, ~uint64_t{0}), zeros(words);
      int32_t y = 0;
      kernels.integer_binary(1, 1, words, c.data(), ones.data(), &y);
      EQUAL(y, -255 * bits);
      kernels.binary_binary(1, 1, words, bits, ones.data(), ones.data(), &y);
      EQUAL(y, bits);
      kernels.binary_binary(1, 1, words, bits, ones.data(), zeros.data(), &y);
      EQUAL(y, -bits);
    }
  }
}

}  // namespace
}  // namespace edgebnn
