#include <cmath>

#include "gradient_map.h"
#include "passes.h"

namespace edgebnn {
namespace {

using namespace tests;

struct Case {
  Format format;
  size_t rows, n, stride, bit_stride;
  Drawn drawn;
  std::vector<uint8_t> g, signs;
  std::vector<int8_t> exponents;
  std::vector<float> xn, r, inverse;
  std::vector<double> m1, m2;

  Case(Format format, size_t rows, size_t n)
      : format(format),
        rows(rows),
        n(n),
        stride(n + 3),
        bit_stride((n + 63) / 64 * 8),
        drawn(rows * 1000 + n),
        g(bytes_for(format, rows * stride + 1)),
        signs(drawn.bytes((rows + 1) * bit_stride)),
        exponents(drawn.many<int8_t>((rows + 1) * n, [&] { return drawn.integer(8); })),
        xn(drawn.reals(rows * stride)),
        r(drawn.many<float>(n, [&] { return std::fabs(drawn.real()); })),
        inverse(drawn.many<float>(n, [&] { return power_of_two(drawn.integer(8)); })),
        m1(drawn.many<double>(n, [&] { return drawn.real(); })),
        m2(drawn.many<double>(n, [&] { return drawn.real(); })) {
    for (size_t i = 0; i < rows * stride; ++i) {
      const float x = static_cast<float>(drawn.integer(format == Format::i6 ? 31 : 127)) *
                      (shares_exponents(format) ? 1.0f : 0x1p-3f);
      store(format, g.data(), i, 1, &x);
    }
  }

  std::vector<uint16_t> halves = [this] {
    std::vector<uint16_t> all(xn.size());
    store(Format::f16, all.data(), 0, xn.size(), xn.data());
    return all;
  }();

  // Exponents that all rows share, or each row's own; signs, or Xn.
  NormGradient in(bool same, bool bnn, bool l1, Format kept) const {
    NormGradient in{};
    in.g = {format, g.data(), stride, exponents.data(), same ? 0 : format == Format::i16 ? 1 : n};
    in.r = r.data();
    in.signs = {bnn ? signs.data() : nullptr, bit_stride};
    in.xn = kept == Format::f32 ? static_cast<const void*>(xn.data()) : halves.data();
    in.kept = kept;
    in.xn_stride = stride;
    in.by_sign = l1;
    in.sums_by_sign = l1 && kept == Format::f16;  // as bnn-xn
    return in;
  }
};

TEST("norm backward: the sums of signs are those of v and of v·x") {
  const size_t n = 3, rows = 4;
  const int16_t k[rows][n] = {{5, -3, 0}, {8191, 2, 1}, {-8191, 2, -1}, {7, 1, 0}};
  const uint8_t signs[rows + 1] = {0b011, 0b101, 0b000, 0b110};  // read by two bytes
  const int8_t e = 2;
  const float r[n] = {0.5f, 2, 1};
  each_variant([&](const Kernels& kernels) {
    double g[n] = {}, v[n] = {}, plus[n] = {1, 0, 0};
    NormGradient in{};
    in.g = {Format::i16, k, n, &e, 0};
    in.r = r;
    in.signs = {signs, 1};
    kernels.norm_backward_sums(rows, n, in, g, v, plus);
    EQUAL(g[0], 4.0 * 12);
    EQUAL(v[0], 2.0 * 12);
    EQUAL(plus[0], 1 + 2.0 * (5 + 8191));
    EQUAL(v[1], 8.0 * 2);
    EQUAL(plus[1], 8.0 * (-3 + 1));
    EQUAL(plus[2], 4.0 * (1 + 0));
  });
}

TEST("norm backward: every variant is the definition") {
  for (const Format format : {Format::f32, Format::f16, Format::i16, Format::i8, Format::i6}) {
    for (const size_t rows : kRows) {
      for (const size_t n : kChannels) {
        const Case o(format, rows, n);
        each_variant([&](const Kernels& kernels, const Kernels& scalar) {
          for (const auto& [same, bnn, l1, kept] : {std::tuple{true, true, false, Format::f32},
                                                    {false, true, false, Format::f32},
                                                    {false, false, true, Format::f32},
                                                    {true, false, false, Format::f32},
                                                    {true, false, true, Format::f16},
                                                    {false, false, false, Format::f16}}) {
            struct Found {
              std::vector<double> sums;
              std::vector<int32_t> top;
              std::vector<uint8_t> dy;
            };
            const auto found = [&](const Kernels& by) {
              Found f{std::vector<double>(3 * n, 1.5), std::vector<int32_t>(n, 3), o.g};
              double* sums = f.sums.data();
              const NormAverages averages{o.m1.data(), o.m2.data()};
              NormGradient in = o.in(same, bnn, l1, kept);
              by.norm_backward_sums(rows, n, in, sums, sums + n, sums + 2 * n);
              if (shares_exponents(format))
                by.norm_backward_largest(rows, n, in, averages, f.top.data());
              in.g.k = f.dy.data();  // in place
              by.norm_backward_store(rows, n, in, averages,
                                     {format, f.dy.data(), o.stride,
                                      shares_exponents(format) ? o.inverse.data() : nullptr});
              return f;
            };
            const Found one = found(scalar), other = found(kernels);
            EQUAL(same_bytes(one.sums, other.sums), true);
            EQUAL(same_bytes(one.top, other.top), true);
            EQUAL(same_bytes(one.dy, other.dy), true);
          }
        });
      }
    }
  }
}

}  // namespace
}  // namespace edgebnn
