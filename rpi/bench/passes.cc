// How many elements a second every op beside the products handles, in every variant that runs here,
// on rows as a layer has them: 64 rows of 128 channels, near the core. The memory's pace is that of
// copying as many bytes as the op reads and writes, in the same run.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/registry.h"
#include "stopwatch.h"
#include "storage.h"

namespace edgebnn {
namespace {

constexpr size_t kRows = 64, kChannels = 128, kElements = kRows * kChannels;

// Everything that the ops work on. Zeros will do: no op takes longer for other numbers.
struct Bench {
  std::vector<int32_t> sums = std::vector<int32_t>(4 * kElements), more = sums;
  std::vector<int16_t> shorts = std::vector<int16_t>(kElements), others = shorts;
  std::vector<float> floats = std::vector<float>(kElements), ones = floats;
  std::vector<double> doubles = std::vector<double>(3 * kChannels);
  std::vector<uint8_t> bits = std::vector<uint8_t>(4 * kElements), pixels = bits;
  std::vector<int8_t> bytes = std::vector<int8_t>(2 * kElements);
  std::vector<uint32_t> order = std::vector<uint32_t>(kChannels);
  std::vector<int8_t> exponents = std::vector<int8_t>(kChannels);
  uint64_t signs = 0x5555555555555555;

  Products products() const { return {Format::i16, shorts.data(), kChannels}; }
  NormGradient gradient() const {
    NormGradient in{};
    in.g = {Format::i16, shorts.data(), kChannels, exponents.data(), 0};
    in.r = ones.data();
    in.signs = {bits.data(), kChannels / 8};
    return in;
  }
  InputGradientSums cut() const {
    return {sums.data(), kChannels, 1, {bits.data(), kChannels / 8}};
  }
  NormAverages averages() const { return {doubles.data(), doubles.data() + kChannels}; }
};

class Report {
 public:
  explicit Report(const Kernels& kernels) : kernels_(kernels) {}

  // bytes: read and written for an element.
  void line(const char* op, double bytes, const std::function<void(const Kernels&, Bench&)>& body) {
    const auto moved = static_cast<size_t>(bytes * kElements / 2);
    std::vector<char> from(moved), to(moved);
    Stopwatch ours([&] { body(kernels_, bench_); });
    Stopwatch copy([&] { std::memcpy(to.data(), from.data(), moved); });
    for (int trial = 0; trial < kTrials; ++trial) ours.trial(), copy.trial();
    std::printf("%-7s %-24s %9.2f %9.2f\n", kernels_.name, op, kElements / ours.least() * 1e-9,
                kElements / copy.least() * 1e-9);
    std::fflush(stdout);
  }

 private:
  const Kernels& kernels_;
  Bench bench_;
};

void update(const Kernels& k, Bench& b, Format momenta, Format weights) {
  const UpdateRule rule{.keep = 0.9f, .take = 0.1f, .rate = 0.001f};
  for (size_t i = 0; i < kElements; i += kWeightsAtOnce) {
    k.weight_update(rule, kWeightsAtOnce, {nullptr, &b.signs}, {momenta, b.shorts.data(), i, 0},
                    nullptr, {weights, b.others.data(), i, 0});
  }
}

void time_all(const Kernels& kernels) {
  Report report(kernels);
  using K = const Kernels&;
  const auto n = kChannels;
  report.line("centre_pixels", 3,
              [](K k, Bench& b) { k.centre_pixels(kElements, b.pixels.data(), b.shorts.data()); });
  report.line("transpose_bits", 0.25, [](K k, Bench& b) {
    for (size_t m = 0; m < kRows; m += 32)
      k.transpose_bits(kChannels / 32, reinterpret_cast<uint32_t*>(b.bits.data()));
  });
  report.line("widen_rows", 4, [](K k, Bench& b) {
    k.widen_rows(kRows, n, Format::i16, b.shorts.data(), n, nullptr, b.others.data(), n);
  });
  const auto columns = [](K k, Format format, const auto* from, auto* to) {
    for (size_t m = 0; m < kRows; m += kColumnRows) {
      const void* rows[kColumnRows];
      for (size_t j = 0; j < kColumnRows; ++j) rows[j] = from + (m + j) * n;
      k.widen_columns(n, format, rows, to + m, kRows);
    }
  };
  report.line("widen_columns", 4,
              [&](K k, Bench& b) { columns(k, Format::i16, b.shorts.data(), b.others.data()); });
  report.line("widen_columns, i6", 2, [&](K k, Bench& b) {
    columns(k, Format::i6, b.bytes.data(), b.bytes.data() + kElements);
  });
  report.line("reorder", 2, [](K k, Bench& b) {
    k.reorder(kRows, n, b.bytes.data(), n, n, b.order.data(), b.bytes.data() + kElements);
  });
  report.line("max_pool, of 4", 20.25, [](K k, Bench& b) {
    k.max_pool(kRows, n, n, b.sums.data(), b.more.data(), b.bits.data(), n / 4);
  });
  report.line("spread, to 4", 10.25, [](K k, Bench& b) {
    for (size_t m = 0; m < kRows; ++m) {
      void* map[4];
      for (size_t j = 0; j < 4; ++j) map[j] = b.others.data() + j * n;
      k.spread(n, 2, b.shorts.data() + m * n, b.bits.data(), map);
    }
  });
  report.line("keep_products", 6, [](K k, Bench& b) {
    k.keep_products(kRows, n, b.sums.data(), n, {Format::i16, b.shorts.data(), n});
  });
  report.line("product_sum", 2,
              [](K k, Bench& b) { k.product_sum(kRows, n, b.products(), b.doubles.data()); });
  report.line("deviation_sum", 2, [](K k, Bench& b) {
    k.deviation_sum(kRows, n, b.products(), b.ones.data(), false, b.doubles.data());
  });
  report.line("normalise", 2.25, [](K k, Bench& b) {
    k.normalise(kRows, n, b.products(), {b.ones.data(), b.ones.data(), b.ones.data()},
                {b.bits.data(), b.pixels.data(), n / 8, n / 8, nullptr, Format::f32, nullptr, 0},
                b.doubles.data());
  });
  report.line("norm_backward_sums", 2.125, [](K k, Bench& b) {
    double* sums = b.doubles.data();
    k.norm_backward_sums(kRows, n, b.gradient(), sums, sums + n, sums + 2 * n);
  });
  report.line("norm_backward_largest", 2.125, [](K k, Bench& b) {
    k.norm_backward_largest(kRows, n, b.gradient(), b.averages(), b.more.data());
  });
  report.line("norm_backward_store", 4.125, [](K k, Bench& b) {
    k.norm_backward_store(kRows, n, b.gradient(), b.averages(),
                          {Format::i16, b.shorts.data(), n, b.ones.data()});
  });
  report.line("straight_through_largest", 4.125,
              [](K k, Bench& b) { k.straight_through_largest(kRows, n, b.cut(), b.more.data()); });
  report.line("straight_through_store", 6.125, [](K k, Bench& b) {
    k.straight_through_store(kRows, n, b.cut(),
                             {Format::i16, b.shorts.data(), n, b.exponents.data(), 0});
  });
  report.line("shared_exponents", 5, [](K k, Bench& b) {
    for (size_t m = 0; m < kRows; ++m)
      k.shared_exponents(n, b.sums.data(), 127, b.exponents.data());
  });
  report.line("sign_bits, q15", 2.125, [](K k, Bench& b) {
    k.sign_bits(kRows, n, Format::q15, b.shorts.data(), 0, n, b.bits.data(), n / 8);
  });
  report.line("sum_signs", 4.125, [](K k, Bench& b) {
    k.sum_signs(kRows, n, false, b.sums.data(), n, b.bits.data(), n / 8);
  });
  report.line("weight_update, q15", 8,
              [](K k, Bench& b) { update(k, b, Format::q15, Format::q15); });
  report.line("weight_update, i4 and i8", 3,
              [](K k, Bench& b) { update(k, b, Format::i4_momentum, Format::i8_weight); });
}

}  // namespace
}  // namespace edgebnn

int main() {
  std::printf("%-7s %-24s %9s %9s\n", "variant", "op", "Gelem/s", "copied");
  for (const edgebnn::Kernels& kernels : edgebnn::all_kernels()) {
    if (kernels.runs()) {
      edgebnn::time_all(kernels);
    } else {
      std::printf("SKIP %s: not on this machine\n", kernels.name);
    }
  }
}
