#include <algorithm>

#include "gradient_map.h"
#include "passes.h"

namespace edgebnn {
namespace {

using namespace tests;

constexpr Format kFormats[] = {Format::f32, Format::f16, Format::i16, Format::i8, Format::i6};

struct Case {
  size_t rows, n, stride, words;
  bool with_bits;
  Drawn drawn;
  std::vector<double> reals;
  std::vector<int32_t> integers;
  std::vector<uint8_t> bits;
  std::vector<int8_t> exponents;

  Case(size_t rows, size_t n, bool with_bits)
      : rows(rows),
        n(n),
        stride(n + 3),
        words((n + 63) / 64),
        with_bits(with_bits),
        drawn(rows * 1000 + n),
        reals(drawn.many<double>(rows * stride, [&] { return drawn.real(); })),
        integers(drawn.many<int32_t>(rows * stride, [&] { return drawn.integer(1 << 28); })),
        bits(drawn.bytes((rows + 1) * words * 8)),
        exponents(drawn.many<int8_t>(n + rows, [&] { return drawn.integer(4) + 18; })) {}

  InputGradientSums sums(Format format) const {
    const void* s = shares_exponents(format) ? static_cast<const void*>(integers.data())
                                             : static_cast<const void*>(reals.data());
    return {s,
            stride,
            shares_exponents(format) ? 0x1p-2f : 1.0f,
            {with_bits ? bits.data() : nullptr, words * 8}};
  }
};

template <class Body>
void each_case(const Body& body) {
  for (const size_t rows : kRows) {
    for (const size_t n : kChannels) {
      for (const bool with_bits : {true, false}) body(Case(rows, n, with_bits));
    }
  }
}

TEST("straight-through: the definition") {
  const int32_t s[] = {6, -10, 1 << 20, 5};
  const uint8_t bits[8] = {0b1101};
  const int8_t e = 1;
  int16_t k[4];
  straight_through_store_scalar(1, 4, {s, 4, 2.0f, {bits, 8}}, {Format::i16, k, 4, &e, 0});
  EQUAL(k[0], 6);  // 6·2 / 2^1
  EQUAL(k[1], 0);
  EQUAL(k[2], 32767);
  EQUAL(k[3], 5);
  int32_t top[4] = {0, 7, 0, std::bit_cast<int32_t>(20.0f)};
  straight_through_largest_scalar(1, 4, {s, 4, 2.0f, {bits, 8}}, top);
  EQUAL(std::bit_cast<float>(top[0]), 12.0f);
  EQUAL(top[1], 7);
  EQUAL(std::bit_cast<float>(top[3]), 20.0f);
}

TEST("straight-through: every variant is the definition") {
  each_case([](const Case& o) {
    each_variant([&](const Kernels& kernels, const Kernels& scalar) {
      std::vector<int32_t> expected(o.n + 1, 5), found(o.n + 1, 5);
      scalar.straight_through_largest(o.rows, o.n, o.sums(Format::i16), expected.data());
      kernels.straight_through_largest(o.rows, o.n, o.sums(Format::i16), found.data());
      EQUAL(same_bytes(found, expected), true);
      for (const Format format : kFormats) {
        const size_t apart = o.n + 5;
        std::vector<uint8_t> one(bytes_for(format, o.rows * apart + 1), 9), other = one;
        const auto out = [&](std::vector<uint8_t>& to) {
          return GradientRowsOut{format, to.data(), apart, o.exponents.data(), 0};
        };
        scalar.straight_through_store(o.rows, o.n, o.sums(format), out(one));
        kernels.straight_through_store(o.rows, o.n, o.sums(format), out(other));
        EQUAL(same_bytes(other, one), true);
      }
    });
  });
}

}  // namespace
}  // namespace edgebnn
