// What every kernel of every variant that runs here makes of the products of the paper's networks,
// beside the roofline of its ISA, taken in the same run.
//
// Processor time, so that other work on the machine counts little; the least of several trials, in
// which kernel and roofline take turns. One product as the trainer asks for it: dX of 1152
// inputs for 32 positions, dW for a tile of 576 inputs and 64 units over 480 positions, Y for the
// rows that fit beside each other; so operands lie in the first or second cache, as they do there.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "kernels/registry.h"
#include "random.h"
#include "rooflines/rooflines.h"
#include "stopwatch.h"

namespace edgebnn {
namespace {

std::vector<Roofline> all_rooflines() {
  std::vector<Roofline> all;
#if defined(__x86_64__)
  for (const auto some : {rooflines_amx(), rooflines_avx512(), rooflines_avx2()})
    all.insert(all.end(), some.begin(), some.end());
#endif
  return all;
}

// What a variant takes from another (registry.cc), has the other's.
const Roofline* roofline_of(const char* variant, const char* kernel) {
  static const std::vector<Roofline> all = all_rooflines();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Roofline& one) {
    return std::strcmp(one.variant, variant) == 0 && std::strcmp(one.kernel, kernel) == 0;
  });
  if (found != all.end()) return &*found;
  return std::strcmp(variant, "amx") == 0 ? roofline_of("avx512", kernel) : nullptr;
}

// `product`: of which layer, and which. `m`, `k`, `n`: its rows, terms and lanes (units).
struct Shape {
  const char* product;
  size_t m, k, n;
};

class Report {
 public:
  Report(bool json, const char* variant) : json_(json), variant_(variant) {}

  void line(const char* kernel, const Shape& shape, const std::function<void()>& body) const {
    constexpr size_t kRounds = 100'000;
    const Roofline* roofline = roofline_of(variant_, kernel);
    Stopwatch ours(body);
    Stopwatch few([&] {
      if (roofline != nullptr) roofline->few(kRounds);
    });
    Stopwatch many([&] {
      if (roofline != nullptr) roofline->many(kRounds);
    });
    for (int trial = 0; trial < kTrials; ++trial) {
      ours.trial();
      if (roofline == nullptr) continue;
      few.trial();
      many.trial();
    }
    const double multiplications = static_cast<double>(shape.m * shape.k * shape.n);
    const double rate = multiplications / ours.least() * 1e-9;
    if (roofline == nullptr) {
      print(kernel, shape, rate, nullptr, 0);
    } else {
      const auto of_rounds = static_cast<double>(kRounds * roofline->multiplications);
      print(kernel, shape, rate, roofline, of_rounds / std::min(few.least(), many.least()) * 1e-9);
    }
  }

 private:
  void print(const char* kernel, const Shape& s, double rate, const Roofline* roofline,
             double most) const {
    if (json_) {
      std::printf(
          "{\"variant\":\"%s\",\"kernel\":\"%s\",\"product\":\"%s\",\"rows\":%zu,"
          "\"terms\":%zu,\"lanes\":%zu,\"gmac_per_s\":%.2f",
          variant_, kernel, s.product, s.m, s.k, s.n, rate);
      if (roofline != nullptr)
        std::printf(",\"roofline_gmac_per_s\":%.2f,\"roofline\":\"%s\"", most, roofline->mix);
      std::printf("}\n");
    } else {
      std::printf("%-7s %-16s %-10s %5zu %5zu %5zu %9.1f", variant_, kernel, s.product, s.m, s.k,
                  s.n, rate);
      if (roofline != nullptr)
        std::printf(" %9.1f %4.0f%%  %s", most, rate / most * 100, roofline->mix);
      std::printf("\n");
    }
    std::fflush(stdout);
  }

  bool json_;
  const char* variant_;
};

template <class T>
std::vector<T> drawn(size_t n, uint64_t inside) {
  const Stream random(1, n);
  std::vector<T> values(n);
  for (size_t i = 0; i < n; ++i) {
    const uint64_t draw = random.draw(i) & inside;
    values[i] = static_cast<T>(static_cast<T>(draw) - static_cast<T>(inside / 2));
  }
  return values;
}

template <class T>
std::vector<T> bits(size_t n) {
  return drawn<T>(n, ~uint64_t{0});
}

constexpr uint64_t kByte = 62, kShort = 8191, kPixel = 255;

void binary_binary(const Report& report, const Kernels& kernels, const Shape& s) {
  const size_t words = s.k / 64;
  const auto x = bits<uint64_t>(s.m * words), w = bits<uint64_t>((s.n + 7) / 8 * 8 * words);
  std::vector<int32_t> y(s.m * s.n);
  report.line("binary_binary", s, [&] {
    kernels.binary_binary(s.m, s.n, words, static_cast<int32_t>(s.k), x.data(), w.data(), y.data());
  });
}

void short_binary(const Report& report, const Kernels& kernels, const Shape& s) {
  const auto g = drawn<int16_t>(s.m * s.k, kShort);
  const auto b = bits<uint32_t>(s.k / 32 * s.n);
  std::vector<int32_t> sums(s.m * s.n);
  report.line("short_binary", s, [&] {
    std::fill(sums.begin(), sums.end(), 0);
    kernels.short_binary(s.m, s.k, s.n, g.data(), b.data(), {sums.data(), s.n});
  });
}

void byte_binary(const Report& report, const Kernels& kernels, const Shape& s) {
  const auto g = drawn<int8_t>(s.m * s.k, kByte);
  const auto b = bits<uint32_t>(s.k / 32 * s.n);
  std::vector<uint8_t> shifts(s.k / kTermsTogether);  // three exponents
  for (size_t i = 0; i < shifts.size(); ++i)
    shifts[i] = static_cast<uint8_t>(2 - i * 3 / shifts.size());
  const bool summed = std::strstr(s.product, "dX") != nullptr;
  std::vector<int32_t> sums(s.m * s.n);
  report.line("byte_binary", s, [&] {
    std::fill(sums.begin(), sums.end(), 0);
    kernels.byte_binary(s.m, s.k, s.n, g.data(), summed ? shifts.data() : nullptr, b.data(),
                        {sums.data(), s.n});
  });
}

void real_binary(const Report& report, const Kernels& kernels, const Shape& s) {
  const auto g = drawn<float>(s.m * s.k, kShort);
  const auto b = bits<uint32_t>(s.k / 32 * s.n);
  std::vector<double> sums(s.m * s.n);
  report.line("real_binary", s, [&] {
    std::fill(sums.begin(), sums.end(), 0.0);
    kernels.real_binary(s.m, s.k, s.n, g.data(), b.data(), {sums.data(), s.n});
  });
}

// Rows are positions here, terms the 64 inputs and lanes the units.
void integer_integer(const Report& report, const Kernels& kernels, const Shape& s) {
  const auto c = drawn<int16_t>(s.m * 64, kPixel), g = drawn<int16_t>(s.m * s.n, kShort);
  std::vector<double> a(64 * s.n);
  report.line("integer_integer", s,
              [&] { kernels.integer_integer(s.m, 64, s.n, c.data(), g.data(), a.data()); });
}

void integer_real(const Report& report, const Kernels& kernels, const Shape& s) {
  const auto c = drawn<int16_t>(s.m * 64, kPixel);
  const auto g = drawn<float>(s.m * s.n, kShort);
  std::vector<double> a(64 * s.n);
  report.line("integer_real", s,
              [&] { kernels.integer_real(s.m, 64, s.n, c.data(), g.data(), a.data()); });
}

constexpr Shape kY[] = {{"mlp Y", 31, 256, 256},
                        {"conv2 Y", 48, 1152, 128},
                        {"conv4 Y", 24, 2304, 256},
                        {"conv6 Y", 12, 4608, 512},
                        {"fc1 Y", 6, 8192, 1024}};
constexpr Shape kGradients[] = {{"mlp dX", 32, 256, 256},    {"mlp dW", 64, 224, 256},
                                {"conv2 dX", 32, 128, 1152}, {"conv4 dX", 32, 256, 1152},
                                {"conv6 dX", 32, 512, 1152}, {"fc1 dX", 8, 1024, 1152},
                                {"conv dW", 64, 480, 576}};
constexpr Shape kFirstY[] = {{"mlp Y", 16, 832, 256}, {"conv1 Y", 48, 64, 128}};
constexpr Shape kFirst[] = {{"first dW", 128, 64, 64}};

void time_all(const Report& report, const Kernels& kernels) {
  for (const Shape& shape : kY) binary_binary(report, kernels, shape);
  for (const Shape& shape : kGradients) short_binary(report, kernels, shape);
  for (const Shape& shape : kGradients) byte_binary(report, kernels, shape);
  for (const Shape& shape : kFirstY) short_binary(report, kernels, shape);
  for (const Shape& shape : kGradients) real_binary(report, kernels, shape);
  for (const Shape& shape : kFirst) integer_integer(report, kernels, shape);
  for (const Shape& shape : kFirst) integer_real(report, kernels, shape);
}

}  // namespace
}  // namespace edgebnn

int main(int argc, char** argv) {
  const bool json = argc == 2 && std::strcmp(argv[1], "--json") == 0;
  if (argc > 1 && !json) {
    std::fprintf(stderr, "kernels: found '%s', allowed is --json\n", argv[1]);
    return 2;
  }
  if (!json) {
    std::printf("%-7s %-16s %-10s %5s %5s %5s %9s %9s %5s\n", "variant", "kernel", "product",
                "rows", "terms", "lanes", "GMAC/s", "roofline", "of it");
  }
  for (const edgebnn::Kernels& kernels : edgebnn::all_kernels()) {
    if (kernels.runs()) {
      edgebnn::time_all(edgebnn::Report(json, kernels.name), kernels);
    } else if (!json) {
      std::printf("SKIP %s: not on this machine\n", kernels.name);
    }
  }
}
