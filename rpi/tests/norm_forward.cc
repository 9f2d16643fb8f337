#include "passes.h"

namespace edgebnn {
namespace {

using namespace tests;

// Products of which some equal the mean, so that x is at its borders: 0 and ±1.
struct Case {
  size_t rows, n, stride;
  Drawn drawn;
  std::vector<int32_t> wide;
  std::vector<int16_t> narrow;
  std::vector<float> mu, r, beta;

  Case(size_t rows, size_t n)
      : rows(rows),
        n(n),
        stride(n + 3),
        drawn(rows * 1000 + n),
        wide(drawn.many<int32_t>(rows * stride, [&] { return drawn.integer(1 << 23); })),
        narrow(drawn.many<int16_t>(rows * stride, [&] { return drawn.integer(9); })),
        mu(drawn.many<float>(n, [&] { return drawn.integer(9); })),
        r(drawn.many<float>(n, [&] { return drawn.integer(2) * 0.25f; })),
        beta(drawn.many<float>(n, [&] { return drawn.integer(2) * 0.5f; })) {}

  Products products(Format format) const {
    if (format == Format::i16) return {format, narrow.data(), stride};
    return {format, wide.data(), stride};
  }
};

template <class Body>
void each_case(const Body& body) {
  for (const size_t rows : {0, 1, 2, 5, 128}) {
    for (const size_t n : kChannels) {
      const Case o(rows, n);
      each_variant([&](const Kernels& kernels, const Kernels& scalar) {
        for (const Format format : {Format::i16, Format::i32}) body(o, format, kernels, scalar);
      });
    }
  }
}

TEST("norm forward: sums of products and deviations, every variant as the definition") {
  each_case([](const Case& o, Format format, const Kernels& kernels, const Kernels& scalar) {
    std::vector<double> one(o.n + 1, 0.5), other = one;
    scalar.product_sum(o.rows, o.n, o.products(format), one.data());
    kernels.product_sum(o.rows, o.n, o.products(format), other.data());
    EQUAL(same_bytes(one, other), true);
    for (const bool l2 : {false, true}) {
      scalar.deviation_sum(o.rows, o.n, o.products(format), o.mu.data(), l2, one.data());
      kernels.deviation_sum(o.rows, o.n, o.products(format), o.mu.data(), l2, other.data());
      EQUAL(same_bytes(one, other), true);
    }
  });
}

TEST("norm forward: bits, values and sums, every variant as the definition") {
  each_case([](const Case& o, Format format, const Kernels& kernels, const Kernels& scalar) {
    const size_t bytes = (o.n + 63) / 64 * 8, bit_stride = bytes + 2;
    for (const bool inside : {true, false}) {
      for (const Format kept : {Format::bit, Format::f32, Format::f16}) {
        const bool full = kept != Format::bit;
        struct Found {
          std::vector<uint8_t> signs, inside;
          std::vector<float> xn, x;
          std::vector<double> sum;
        };
        const auto found = [&](const Kernels& by) {
          Found f{std::vector<uint8_t>(o.rows * bit_stride + 1, 7),
                  std::vector<uint8_t>(o.rows * bit_stride + 1, 7),
                  std::vector<float>(o.rows * o.stride + 1, 7),
                  std::vector<float>(o.rows * o.stride + 1, 7), std::vector<double>(o.n + 1, 7)};
          by.normalise(o.rows, o.n, o.products(format), {o.mu.data(), o.r.data(), o.beta.data()},
                       {.signs = f.signs.data(),
                        .inside = inside ? f.inside.data() : nullptr,
                        .bit_stride = bit_stride,
                        .bytes = bytes,
                        .xn = full ? f.xn.data() : nullptr,
                        .kept = kept,
                        .x = full ? f.x.data() : nullptr,
                        .stride = o.stride},
                       f.sum.data());
          return f;
        };
        const Found one = found(scalar), other = found(kernels);
        EQUAL(same_bytes(one.signs, other.signs), true);
        EQUAL(same_bytes(one.inside, other.inside), true);
        EQUAL(same_bytes(one.xn, other.xn), true);
        EQUAL(same_bytes(one.x, other.x), true);
        EQUAL(same_bytes(one.sum, other.sum), true);
      }
    }
  });
}

TEST("norm forward: products are kept as they are") {
  each_case([](const Case& o, Format format, const Kernels& kernels, const Kernels& scalar) {
    const std::vector<int32_t> y(o.narrow.begin(), o.narrow.end());
    std::vector<uint8_t> one(o.rows * (o.n + 1) * 4 + 1, 7), other = one;
    scalar.keep_products(o.rows, o.n, y.data(), o.stride, {format, one.data(), o.n + 1});
    kernels.keep_products(o.rows, o.n, y.data(), o.stride, {format, other.data(), o.n + 1});
    EQUAL(same_bytes(one, other), true);
  });
}

}  // namespace
}  // namespace edgebnn
