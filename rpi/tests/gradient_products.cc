// The products of gradients of every variant against their formulas: times bits, and times pixels.
//
// Values are such that float64 sums are exact in any order: what is compared, is compared exactly.
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "passes.h"

namespace edgebnn {
namespace {

using tests::each_variant;

constexpr size_t kRows[] = {0, 1, 3, 8, 17};

// Gradients times bits: `terms` and `lanes` are rounded up as the kernels want them.
template <class G>
struct Terms {
  Terms(size_t rows, size_t some, size_t few)
      : rows(rows),
        terms((some + 31) / 32 * 32),
        lanes((few + 15) / 16 * 16),
        g(rows * terms),
        b(terms / 32 * lanes) {
    const Stream random(rows * 1000 + some, few);
    uint64_t next = 0;
    for (uint32_t& word : b) word = static_cast<uint32_t>(random.draw(next++));
    for (size_t i = 0; i < g.size(); ++i)
      if (i % terms < some) g[i] = value(random.draw(next++));
  }

  double product(size_t r, size_t l) const {
    double sum = 0;
    for (size_t t = 0; t < terms; ++t) {
      const double one = g[r * terms + t];
      sum += b[t / 32 * lanes + l] >> (t % 32) & 1 ? one : -one;
    }
    return sum;
  }

  // Of fourteen bits and a sign, zero and the extremes among them; real ones in steps of 2^-6, so
  // that float32 sums of them are exact.
  static G value(uint64_t draw) {
    if constexpr (sizeof(G) == 1) {
      const auto k = static_cast<int>(draw % 97) - kLargestByte;
      return static_cast<G>(std::min(k, kLargestByte));  // often the largest
    }
    const auto k = draw % 17 == 0 ? 8191 : static_cast<int>(draw >> 50) - 8192;
    return std::is_integral_v<G> ? static_cast<G>(std::max(k, -8191)) : static_cast<G>(k * 0x1p-6);
  }

  size_t rows, terms, lanes;
  std::vector<G> g;
  std::vector<uint32_t> b;
};

// Bytes with shifts in no order: 2^0 to 2^(below - 1), or none.
struct Bytes : Terms<int8_t> {
  Bytes(size_t rows, size_t some, size_t few, int below)
      : Terms(rows, some, few), shifts(terms / 8) {
    const Stream random(some, few);
    for (size_t i = 0; i < shifts.size(); ++i)
      shifts[i] =
          static_cast<uint8_t>(below == 0 ? 0 : random.draw(i) % static_cast<uint64_t>(below));
  }

  double product(size_t r, size_t l) const {
    double sum = 0;
    for (size_t t = 0; t < terms; ++t) {
      const double one = g[r * terms + t] * (1 << shifts[t / kTermsTogether]);
      sum += b[t / 32 * lanes + l] >> (t % 32) & 1 ? one : -one;
    }
    return sum;
  }

  std::vector<uint8_t> shifts;
};

// Centred pixels of 64 inputs times gradients.
template <class G>
struct Pixels {
  Pixels(size_t rows, size_t units) : rows(rows), units(units), c(rows * 64), g(rows * units) {
    const Stream random(rows, units);
    uint64_t next = 0;
    for (int16_t& pixel : c)
      pixel = static_cast<int16_t>(2 * static_cast<int>(random.draw(next++) >> 56) - 255);
    for (G& one : g) one = Terms<G>::value(random.draw(next++));
  }

  double product(size_t i, size_t n) const {
    double sum = 0;
    for (size_t m = 0; m < rows; ++m)
      sum += static_cast<double>(c[m * 64 + i]) * static_cast<double>(g[m * units + n]);
    return sum;
  }

  size_t rows, units;
  std::vector<int16_t> c;
  std::vector<G> g;
};

// How many sums are wrong, of all variants. `call` runs one's kernel on the operands; s is added
// to, and what lies behind it is left alone.
template <class S, class Operands, class Call>
size_t wrong_products(const Operands& o, Call call) {
  std::vector<double> expected;
  for (size_t r = 0; r < o.rows; ++r) {
    for (size_t l = 0; l < o.lanes; ++l) expected.push_back(3 + o.product(r, l));
  }
  expected.push_back(3);
  size_t wrong = 0;
  each_variant([&](const Kernels& kernels) {
    std::vector<S> s(expected.size(), S{3});
    call(kernels, s.data());
    for (size_t i = 0; i < s.size(); ++i) wrong += static_cast<double>(s[i]) != expected[i];
  });
  return wrong;
}

size_t wrong_shorts(const Terms<int16_t>& o) {
  return wrong_products<int32_t>(o, [&](const Kernels& kernels, int32_t* s) {
    kernels.short_binary(o.rows, o.terms, o.lanes, o.g.data(), o.b.data(), {s, o.lanes});
  });
}

size_t wrong_reals(const Terms<float>& o) {
  return wrong_products<double>(o, [&](const Kernels& kernels, double* s) {
    kernels.real_binary(o.rows, o.terms, o.lanes, o.g.data(), o.b.data(), {s, o.lanes});
  });
}

size_t wrong_bytes(const Bytes& o, const uint8_t* shifts) {
  return wrong_products<int32_t>(o, [&](const Kernels& kernels, int32_t* s) {
    kernels.byte_binary(o.rows, o.terms, o.lanes, o.g.data(), shifts, o.b.data(), {s, o.lanes});
  });
}

template <class G, class Kernel>
size_t wrong_pixels(Kernel kernel, const Pixels<G>& o, size_t inputs) {
  std::vector<double> a(inputs * o.units + 1, -2.0);
  kernel(o.rows, inputs, o.units, o.c.data(), o.g.data(), a.data());
  size_t wrong = a.back() != -2.0;
  for (size_t i = 0; i < inputs; ++i) {
    for (size_t n = 0; n < o.units; ++n) wrong += a[i * o.units + n] != o.product(i, n) - 2;
  }
  return wrong;
}

TEST("kernels: gradients x binary") {
  size_t wrong = 0;
  for (const size_t rows : kRows) {
    for (const size_t terms : {1, 32, 33, 127, 128, 129, 300}) {
      for (const size_t lanes : {16, 32, 48, 80, 144}) {
        wrong += wrong_shorts({rows, terms, lanes});
        wrong += wrong_reals({rows, terms, lanes});
      }
    }
  }
  EQUAL(wrong, size_t{0});
}

// Exponents of units: most near each other, the largest shift too.
TEST("kernels: bytes x binary") {
  size_t wrong = 0;
  for (const size_t rows : kRows) {
    for (const size_t terms : {1, 32, 33, 127, 128, 257, 300, 1100}) {
      for (const size_t lanes : {16, 32, 48, 80, 144}) {
        for (const int shifts : {0, 1, 3, kLargestShift + 1}) {
          const Bytes o(rows, terms, lanes, shifts);
          wrong += wrong_bytes(o, shifts == 0 ? nullptr : o.shifts.data());
        }
      }
    }
  }
  EQUAL(wrong, size_t{0});
}

// Rows that lie over each other, lane 64 or 128 of one on lane 0 of the next; and runs of lanes
// that do. Of 128 terms all gradients are the largest, with the same sign: in an accumulator of 16
// bits no sum is larger.
TEST("kernels: sums among the rows of a map") {
  const Kernels& scalar = all_kernels().back();
  struct Case {
    size_t terms, step;
  };
  for (const size_t rows : {1, 7, 32, 50}) {
    for (const auto& [terms, step] : {Case{32, 64}, {64, 128}, {64, 64}, {128, 64}, {160, 64}}) {
      Terms<int16_t> shorts(rows, terms, 384);
      if (terms == 128) {
        std::fill(shorts.g.begin(), shorts.g.end(), kLargestShort);
        std::fill(shorts.b.begin(), shorts.b.end(), rows % 2 == 0 ? ~0u : 0u);
      }
      const Bytes bytes(rows, terms, 384, kLargestShift + 1);
      const Terms<float> reals(rows, terms, 384);
      std::vector<size_t> begins(rows);
      for (size_t r = 0; r < rows; ++r) begins[r] = (r / 10 * 15 + r % 10) * step;
      for (const size_t run : {64, 128, 192, 384}) {
        const size_t apart = 15 * step;
        // All three, by one variant: integers, and reals whose sums are exact.
        const auto sums = [&](const Kernels& kernels) {
          std::vector<int32_t> integers(200 * step, 3);
          std::vector<double> doubles(integers.size(), 3);
          const SumRows<int32_t> in{integers.data(), 0, begins.data(), run, apart};
          kernels.short_binary(rows, terms, 384, shorts.g.data(), shorts.b.data(), in);
          kernels.byte_binary(rows, terms, 384, bytes.g.data(), bytes.shifts.data(), bytes.b.data(),
                              in);
          kernels.real_binary(rows, terms, 384, reals.g.data(), reals.b.data(),
                              {doubles.data(), 0, begins.data(), run, apart});
          doubles.insert(doubles.end(), integers.begin(), integers.end());
          return doubles;
        };
        const auto expected = sums(scalar);
        each_variant([&](const Kernels& kernels) { EQUAL(sums(kernels) == expected, true); });
      }
    }
  }
}

// More rows and terms than a strip of tiles has, and tiles that are not full.
TEST("kernels: gradients x binary, by the tile") {
  size_t wrong = 0;
  for (const size_t rows : {16, 31, 48, 64, 95, 130}) {
    for (const size_t terms : {32, 64, 96, 512, 544, 1120}) {
      for (const size_t lanes : {16, 32, 48}) {
        wrong += wrong_shorts({rows, terms, lanes});
        const Bytes o(rows, terms, lanes, kLargestShift + 1);
        wrong += wrong_bytes(o, o.shifts.data());
      }
    }
  }
  EQUAL(wrong, size_t{0});
}

TEST("kernels: pixels x gradients") {
  size_t wrong = 0;
  each_variant([&](const Kernels& kernels) {
    for (const size_t rows : {0, 1, 2, 3, 255, 256, 257, 600}) {
      for (const size_t units : {1, 7, 15, 16, 17, 40, 64}) {
        for (const size_t inputs : {8, 32, 64}) {
          wrong += wrong_pixels(kernels.integer_integer, Pixels<int16_t>(rows, units), inputs);
          // Few enough rows for float32 sums to be exact: 2^14 · 2^8 · rows.
          if (rows <= 3)
            wrong += wrong_pixels(kernels.integer_real, Pixels<float>(rows, units), inputs);
        }
      }
    }
  });
  EQUAL(wrong, size_t{0});
}

// Float32 sums of real gradients are as near to the definition's float64 ones as their own
// rounding.
TEST("kernels: real gradients, to the rounding of float32") {
  each_variant([&](const Kernels& kernels) {
    Terms<float> o(5, 500, 64);
    Pixels<float> p(500, 20);
    for (float& g : o.g) g *= 0x1.3579bp-3f;
    for (float& g : p.g) g *= 0x1.3579bp-3f;
    std::vector<double> s(o.rows * o.lanes), a(64 * p.units);
    kernels.real_binary(o.rows, o.terms, o.lanes, o.g.data(), o.b.data(), {s.data(), o.lanes});
    kernels.integer_real(p.rows, 64, p.units, p.c.data(), p.g.data(), a.data());
    double worst = 0;
    for (size_t i = 0; i < s.size(); ++i)
      worst = std::max(worst, std::fabs(s[i] - o.product(i / o.lanes, i % o.lanes)) / (500 * 20.0));
    for (size_t i = 0; i < a.size(); ++i) {
      const double error = std::fabs(a[i] - p.product(i / p.units, i % p.units));
      worst = std::max(worst, error / (500 * 20.0 * 255));
    }
    EQUAL(worst < 1e-6, true);
  });
}

// One row, and as many as a tile has.
TEST("kernels: sums of the largest gradients overflow nothing") {
  each_variant([&](const Kernels& kernels) {
    for (const size_t rows : {1, 16}) {
      for (const size_t terms : {4096, 4160, 32768}) {
        const auto count = static_cast<int32_t>(terms);
        const std::vector<uint32_t> ones(terms / 32 * 16, ~uint32_t{0});
        const std::vector<int16_t> shorts(rows * terms, -kLargestShort);
        std::vector<int32_t> s(rows * 16);
        kernels.short_binary(rows, terms, 16, shorts.data(), ones.data(), {s.data(), 16});
        EQUAL(s.back(), -kLargestShort * count);
        const std::vector<int8_t> bytes(rows * terms, -kLargestByte);
        const std::vector<uint8_t> shifts(terms / kTermsTogether, kLargestShift);
        for (const uint8_t* by : {static_cast<const uint8_t*>(nullptr), shifts.data()}) {
          std::fill(s.begin(), s.end(), 0);
          kernels.byte_binary(rows, terms, 16, bytes.data(), by, ones.data(), {s.data(), 16});
          EQUAL(s.back(), -kLargestByte * count << (by == nullptr ? 0 : kLargestShift));
        }
      }
    }
  });
}

}  // namespace
}  // namespace edgebnn
