// What the products of one training step of the MNIST MLP take: 784-256-256-256-256-10, batch 200.
//
// Processor time, so that other work on the machine counts little; the least of several trials.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include "kernels/registry.h"

namespace edgebnn {
namespace {

constexpr size_t kBatch = 200, kInput = 784, kHidden = 256, kClasses = 10;
constexpr size_t kInputWords = (kInput + 63) / 64, kHiddenWords = kHidden / 64;
constexpr int kTrials = 20;

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

template <class Body>
void report(const char* variant, const char* product, size_t multiplications, const Body& body) {
  double best = 1e9;
  for (int trial = 0; trial < kTrials; ++trial) {
    const double start = processor_seconds();
    body();
    best = std::min(best, processor_seconds() - start);
  }
  std::printf("%-8s %-36s %8.3f ms %8.1f GMAC/s\n", variant, product, best * 1e3,
              static_cast<double>(multiplications) / best * 1e-9);
}

void time_all(const Kernels& kernels) {
  std::vector<uint64_t> x(kBatch * kInputWords, 0x5555), w(kHidden * kInputWords, 0x3333);
  std::vector<int16_t> c(kBatch * kInputWords * 64, 17);
  std::vector<float> g(kBatch * kHidden, 0.5f);
  std::vector<int32_t> y(kBatch * kHidden);
  std::vector<double> d(kBatch * kHidden), a(64 * kHidden);
  constexpr size_t kFirst = kBatch * kInput * kHidden, kSquare = kBatch * kHidden * kHidden,
                   kLast = kBatch * kHidden * kClasses;
  constexpr auto kBits = static_cast<int32_t>(kHidden);
  report(kernels.name, "integer x binary: Y of the first", kFirst, [&] {
    kernels.integer_binary(kBatch, kHidden, kInputWords, c.data(), w.data(), y.data());
  });
  report(kernels.name, "integer x real: dW of the first", kFirst, [&] {
    for (size_t word = 0; word < kInputWords; ++word)
      kernels.integer_real(kBatch, kHidden, 64, c.data() + word * kBatch * 64, g.data(), a.data());
  });
  report(kernels.name, "binary x binary: Y of the others", 3 * kSquare + kLast, [&] {
    for (const size_t units : {kHidden, kHidden, kHidden, kClasses})
      kernels.binary_binary(kBatch, units, kHiddenWords, kBits, x.data(), w.data(), y.data());
  });
  report(kernels.name, "real x binary: dX of the others", 3 * kSquare + kLast, [&] {
    for (const size_t units : {kHidden, kHidden, kHidden, kClasses})
      kernels.real_binary(kBatch, units, kHiddenWords, g.data(), w.data(), d.data());
  });
  report(kernels.name, "binary x real: dW of the others", 3 * kSquare + kLast, [&] {
    for (const size_t units : {kHidden, kHidden, kHidden, kClasses}) {
      for (size_t word = 0; word < kHiddenWords; ++word)
        kernels.binary_real(kBatch, units, x.data() + word * kBatch, g.data(), a.data());
    }
  });
}

}  // namespace
}  // namespace edgebnn

int main() {
  for (const edgebnn::Kernels& kernels : edgebnn::all_kernels()) {
    if (kernels.runs()) {
      edgebnn::time_all(kernels);
    } else {
      std::printf("SKIP %s: not on this machine\n", kernels.name);
    }
  }
}
