#include "passes.h"
#include "storage.h"

namespace edgebnn {
namespace {

using namespace tests;

TEST("centred pixels: every variant is the definition") {
  for (const size_t n : {0, 1, 9, 15, 16, 17, 64, 784}) {
    Drawn drawn(n);
    const auto u = drawn.bytes(n);
    each_variant([&](const Kernels& kernels, const Kernels& scalar) {
      std::vector<int16_t> one(n + 1, 9), other = one;
      scalar.centre_pixels(n, u.data(), one.data());
      kernels.centre_pixels(n, u.data(), other.data());
      EQUAL(same_bytes(one, other), true);
    });
  }
}

TEST("sums taken over: every variant is the definition") {
  for (const size_t n : kChannels) {
    Drawn drawn(n);
    const auto integers = drawn.many<int32_t>(n + 1, [&] { return drawn.integer(1 << 29); });
    const auto reals = drawn.many<double>(n + 1, [&] { return drawn.real(); });
    const auto taken = [&](const Kernels& by, bool real, auto from) {
      auto to = from;
      by.take_sums(n, real, from.data(), to.data());
      to.insert(to.end(), from.begin(), from.end());
      return to;
    };
    each_variant([&](const Kernels& kernels, const Kernels& scalar) {
      EQUAL(same_bytes(taken(kernels, false, integers), taken(scalar, false, integers)), true);
      EQUAL(same_bytes(taken(kernels, true, reals), taken(scalar, true, reals)), true);
    });
  }
}

TEST("transposed bits: every variant is the definition") {
  for (const size_t words : {2, 4, 6, 8, 10, 14, 16, 18, 32, 46}) {
    Drawn drawn(words);
    const auto rows =
        drawn.many<uint32_t>(32 * words, [&] { return static_cast<uint32_t>(drawn.bits()); });
    each_variant([&](const Kernels& kernels, const Kernels& scalar) {
      auto one = rows, other = rows;
      scalar.transpose_bits(words, one.data());
      kernels.transpose_bits(words, other.data());
      EQUAL(same_bytes(one, other), true);
      for (size_t w = 0; w < words; ++w)
        EQUAL(one[7 * words + w] >> 19 & 1, rows[19 * words + w] >> 7 & 1);
    });
  }
}

TEST("bytes in another order: every variant is the definition") {
  for (const size_t n : {1, 63, 64, 65, 128, 130, 300, 1024}) {
    for (const size_t terms : {0, 32, 64, 96, 352}) {
      Drawn drawn(n + terms);
      const size_t rows = 6, stride = n + 3;
      const auto k =
          drawn.many<int8_t>(rows * stride, [&] { return static_cast<int8_t>(drawn.integer(31)); });
      const auto order = drawn.many<uint32_t>(terms, [&] {
        return drawn.bits() % 5 == 0 ? kNothing : static_cast<uint32_t>(drawn.bits() % n);
      });
      each_variant([&](const Kernels& kernels, const Kernels& scalar) {
        std::vector<int8_t> one(rows * terms + 1, 9), other = one;
        scalar.reorder(rows, n, k.data(), stride, terms, order.data(), one.data());
        kernels.reorder(rows, n, k.data(), stride, terms, order.data(), other.data());
        EQUAL(same_bytes(one, other), true);
        for (size_t j = 0; j < terms; ++j)
          EQUAL(one[5 * terms + j], order[j] == kNothing ? 0 : k[5 * stride + order[j]]);
      });
    }
  }
}

TEST("widened gradients, by rows and by columns: every variant is the definition") {
  for (const Format format : {Format::f32, Format::f16, Format::i16, Format::i8, Format::i6}) {
    for (const size_t n : kChannels) {
      Drawn drawn(n);
      const size_t stride = n + 3, rows = kColumnRows;
      std::vector<uint8_t> k(bytes_for(format, rows * stride));
      for (size_t i = 0; i < rows * stride; ++i) {
        const auto x = static_cast<float>(drawn.integer(31));
        store(format, k.data(), i, 1, &x);
      }
      const auto factor = drawn.many<float>(n, [&] { return 1 << drawn.bits() % 9; });
      const bool bytes = bytes_of(format) == 1;
      each_variant([&](const Kernels& kernels, const Kernels& scalar) {
        for (const float* by : {static_cast<const float*>(nullptr), factor.data()}) {
          std::vector<uint8_t> one(rows * (n + 1) * 4 + 4, 9), other = one;
          const float* times = bytes ? by : nullptr;
          scalar.widen_rows(rows, n, format, k.data(), stride, times, one.data(), n + 1);
          kernels.widen_rows(rows, n, format, k.data(), stride, times, other.data(), n + 1);
          EQUAL(same_bytes(one, other), true);
        }
        const void* at[kColumnRows];
        for (size_t j = 0; j < rows; ++j)
          at[j] = j == 5 ? nullptr : k.data() + bytes_for(format, j * stride);
        std::vector<uint8_t> one(n * 12 * 4, 9), other = one;
        scalar.widen_columns(n, format, at, one.data(), 12);
        kernels.widen_columns(n, format, at, other.data(), 12);
        EQUAL(same_bytes(one, other), true);
      });
    }
  }
}

}  // namespace
}  // namespace edgebnn
