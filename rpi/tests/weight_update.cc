#include "passes.h"
#include "storage.h"

namespace edgebnn {
namespace {

using namespace tests;
using Move = UpdateRule::Move;

constexpr Format kMomenta[] = {Format::f32, Format::f16, Format::q15, Format::i8_momentum,
                               Format::i4_momentum};
constexpr Format kWeights[] = {Format::f32, Format::f16, Format::q15, Format::i8_weight,
                               Format::bit};

UpdateRule rule_of(Move move) {
  return {.move = move,
          .keep = 0.9f,
          .take = 0.1f,
          .rate = 0.013f,
          .keep_v = 0.999f,
          .take_v = 0.001f,
          .epsilon = 1e-5f,
          .tau = 0.05f};
}

// Elements [first, first + n) hold something; those around them stay.
std::vector<uint8_t> stored(Format format, size_t first, size_t n, Drawn& drawn) {
  std::vector<uint8_t> array(bytes_for(format, first + n + 20));
  std::vector<float> values(n);
  for (float& x : values) x = static_cast<float>(drawn.integer(1000)) / 900.0f;
  store(format, array.data(), first, n, values.data());
  return array;
}

TEST("weight update: every variant is the definition") {
  for (const Move move : {Move::linear, Move::adaptive, Move::flip}) {
    for (const Format momenta : kMomenta) {
      for (const Format weights : kWeights) {
        for (const size_t n : {1, 2, 15, 16, 17, 33, 64}) {
          Drawn drawn(n);
          const size_t first = 48;
          const auto m = stored(momenta, first, n, drawn), w = stored(weights, first, n, drawn);
          const auto v = drawn.many<float>(n + 1, [&] { return drawn.integer(100) * 0.01f + 1; });
          const auto real = drawn.reals(n);
          const uint64_t signs = drawn.bits();
          each_variant([&](const Kernels& kernels, const Kernels& scalar) {
            for (const bool binary : {true, false}) {
              struct Found {
                std::vector<uint8_t> m, w;
                std::vector<float> v;
              };
              const auto found = [&](const Kernels& by) {
                Found f{m, w, v};
                by.weight_update(rule_of(move), n, {binary ? nullptr : real.data(), &signs},
                                 {momenta, f.m.data(), first, 7}, f.v.data(),
                                 {weights, f.w.data(), first, 1u << 31});
                return f;
              };
              const Found one = found(scalar), other = found(kernels);
              EQUAL(same_bytes(one.m, other.m), true);
              EQUAL(same_bytes(one.w, other.w), true);
              EQUAL(same_bytes(one.v, other.v), true);
            }
          });
        }
      }
    }
  }
}

TEST("sign bits: of weights in every format, and of sums; every variant is the definition") {
  for (const size_t rows : kRows) {
    for (const size_t n : kChannels) {
      Drawn drawn(rows * 1000 + n);
      const size_t stride = (n + 7) / 8 * 8 + 8, first = 16, apart = (n + 15) / 16 * 2 + 1;
      const auto same = [&](const auto& pack) {
        each_variant([&](const Kernels& kernels, const Kernels& scalar) {
          std::vector<uint8_t> one(rows * apart + 1, 9), other = one;
          pack(scalar, one.data());
          pack(kernels, other.data());
          EQUAL(same_bytes(one, other), true);
        });
      };
      for (const Format format : kWeights) {
        const auto w = stored(format, 0, first + rows * stride, drawn);
        same([&](const Kernels& by, uint8_t* bits) {
          by.sign_bits(rows, n, format, w.data(), first, stride, bits, apart);
        });
      }
      const auto reals = drawn.many<double>(
          rows * stride, [&] { return drawn.real() * (drawn.bits() % 4 == 0 ? 1e-300 : 1.0); });
      const auto integers =
          drawn.many<int32_t>(rows * stride, [&] { return drawn.integer(1 << 30) / (1 << 28); });
      same([&](const Kernels& by, uint8_t* bits) {
        by.sum_signs(rows, n, true, reals.data(), stride, bits, apart);
      });
      same([&](const Kernels& by, uint8_t* bits) {
        by.sum_signs(rows, n, false, integers.data(), stride, bits, apart);
      });
    }
  }
}

}  // namespace
}  // namespace edgebnn
