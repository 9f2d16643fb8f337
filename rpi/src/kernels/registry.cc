#include "kernels/registry.h"

#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "errors.h"

namespace edgebnn {
namespace {

bool everywhere() { return true; }

#if defined(__x86_64__)
// The processor has what kernels/*/avx512.cc use, and the system keeps its registers.
bool with_avx512() {
  unsigned a = 0, b = 0, c = 0, d = 0, low = 0, high = 0;
  constexpr unsigned kOsXsave = 1u << 27;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kOsXsave) == 0) return false;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kSaved = 0xE6;  // SSE, AVX, and the three parts of AVX-512
  if ((low & kSaved) != kSaved || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kF = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31;
  constexpr unsigned kVnni = 1u << 11, kVpopcntdq = 1u << 14;
  constexpr unsigned kB = kF | kDq | kBw | kVl, kC = kVnni | kVpopcntdq;
  return (b & kB) == kB && (c & kC) == kC;
}
#endif

constexpr Kernels kAll[] = {
#if defined(__x86_64__)
    {"avx512", with_avx512, binary_binary_avx512, real_binary_avx512, short_binary_avx512,
     integer_real_avx512, integer_integer_avx512},
#endif
    {"scalar", everywhere, binary_binary_scalar, real_binary_scalar, short_binary_scalar,
     integer_real_scalar, integer_integer_scalar},
};

}  // namespace

std::span<const Kernels> all_kernels() { return kAll; }

const Kernels& chosen_kernels() {
  const char* forced = std::getenv("EDGEBNN_KERNEL");
  std::string names;
  for (const Kernels& kernels : kAll) {
    if (!kernels.runs()) continue;
    if (forced == nullptr || std::string(forced) == kernels.name) return kernels;
    names += std::string(names.empty() ? "" : ", ") + kernels.name;
  }
  throw InputError("EDGEBNN_KERNEL: found '" + std::string(forced) + "', here run " + names);
}

}  // namespace edgebnn
