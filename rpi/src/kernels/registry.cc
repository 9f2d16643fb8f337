#include "kernels/registry.h"

#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "errors.h"

namespace edgebnn {
namespace {

bool everywhere() { return true; }

#if defined(__x86_64__)
struct Cpuid {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};
Cpuid cpuid(unsigned leaf) {  // all zero where there is no such leaf
  Cpuid r;
  __get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

bool all_of(unsigned bits, unsigned wanted) { return (bits & wanted) == wanted; }

// Whether the system keeps these registers across a switch of threads.
bool keeps(unsigned wanted) {
  constexpr unsigned kOsXsave = 1u << 27;
  if (!all_of(cpuid(1).ecx, kOsXsave)) return false;
  unsigned low = 0, high = 0;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return all_of(low, wanted);
}

// The processor has what kernels/*/avx2.cc use, and the system keeps its registers.
bool with_avx2() {
  constexpr unsigned kSseAndAvx = 0x06, kFma = 1u << 12, kAvx2 = 1u << 5;
  return keeps(kSseAndAvx) && all_of(cpuid(1).ecx, kFma) && all_of(cpuid(7).ebx, kAvx2);
}

bool with_avx512() {
  constexpr unsigned kAndAvx512 = 0xE6;  // with the three parts of AVX-512
  constexpr unsigned kF = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31;
  constexpr unsigned kVbmi = 1u << 1, kVnni = 1u << 11, kVpopcntdq = 1u << 14;
  return keeps(kAndAvx512) && all_of(cpuid(7).ebx, kF | kDq | kBw | kVl) &&
         all_of(cpuid(7).ecx, kVbmi | kVnni | kVpopcntdq);
}

// Beside what AVX-512's products use. The system keeps tiles only for a process that asked for it.
bool with_amx() {
#if defined(__linux__)
  constexpr unsigned kTile = 1u << 24, kInt8 = 1u << 25, kBitalg = 1u << 12, kTiles = 0x60000;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
  return with_avx512() && keeps(kTiles) && all_of(cpuid(7).edx, kTile | kInt8) &&
         all_of(cpuid(7).ecx, kBitalg) &&
         syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
#endif

// Those that one source makes for every ISA.
#define EDGEBNN_BESIDE(isa)                                                                       \
  .centre_pixels = centre_pixels_##isa, .transpose_bits = transpose_bits_##isa,                   \
  .widen_rows = widen_rows_##isa, .widen_columns = widen_columns_##isa,                           \
  .max_pool = max_pool_##isa, .spread = spread_##isa, .keep_products = keep_products_##isa,       \
  .product_sum = product_sum_##isa, .deviation_sum = deviation_sum_##isa,                         \
  .normalise = normalise_##isa, .norm_backward_sums = norm_backward_sums_##isa,                   \
  .norm_backward_largest = norm_backward_largest_##isa,                                           \
  .norm_backward_store = norm_backward_store_##isa, .highest_magnitude = highest_magnitude_##isa, \
  .shared_exponents = shared_exponents_##isa,                                                     \
  .straight_through_largest = straight_through_largest_##isa,                                     \
  .straight_through_store = straight_through_store_##isa, .sign_bits = sign_bits_##isa,           \
  .sum_signs = sum_signs_##isa, .weight_update = weight_update_##isa

constexpr Kernels kAll[] = {
#if defined(__x86_64__)
    {.name = "amx",
     .runs = with_amx,
     .binary_binary = binary_binary_avx512,
     .real_binary = real_binary_avx512,
     .short_binary = short_binary_amx,
     .byte_binary = byte_binary_amx,
     .integer_real = integer_real_avx512,
     .integer_integer = integer_integer_avx512,
     .reorder = reorder_avx512,
     .real_binary_exact = real_binary_exact_avx512,
     .integer_real_exact = integer_real_exact_avx512,
     EDGEBNN_BESIDE(avx512)},
    {.name = "avx512",
     .runs = with_avx512,
     .binary_binary = binary_binary_avx512,
     .real_binary = real_binary_avx512,
     .short_binary = short_binary_avx512,
     .byte_binary = byte_binary_avx512,
     .integer_real = integer_real_avx512,
     .integer_integer = integer_integer_avx512,
     .reorder = reorder_avx512,
     .real_binary_exact = real_binary_exact_avx512,
     .integer_real_exact = integer_real_exact_avx512,
     EDGEBNN_BESIDE(avx512)},
    {.name = "avx2",
     .runs = with_avx2,
     .binary_binary = binary_binary_avx2,
     .real_binary = real_binary_avx2,
     .short_binary = short_binary_avx2,
     .byte_binary = byte_binary_avx2,
     .integer_real = integer_real_avx2,
     .integer_integer = integer_integer_avx2,
     .reorder = reorder_scalar,
     .real_binary_exact = real_binary_exact_avx2,
     .integer_real_exact = integer_real_exact_avx2,
     EDGEBNN_BESIDE(avx2)},
#elif defined(__ARM_NEON)  // what the rest is compiled for as well
    {.name = "neon",
     .runs = everywhere,
     .binary_binary = binary_binary_neon,
     .real_binary = real_binary_neon,
     .short_binary = short_binary_neon,
     .byte_binary = byte_binary_neon,
     .integer_real = integer_real_neon,
     .integer_integer = integer_integer_neon,
     .reorder = reorder_neon,
     .real_binary_exact = real_binary_exact_neon,
     .integer_real_exact = integer_real_exact_neon,
     EDGEBNN_BESIDE(neon)},
#endif
    {.name = "scalar",
     .runs = everywhere,
     .binary_binary = binary_binary_scalar,
     .real_binary = real_binary_scalar,
     .short_binary = short_binary_scalar,
     .byte_binary = byte_binary_scalar,
     .integer_real = integer_real_scalar,
     .integer_integer = integer_integer_scalar,
     .reorder = reorder_scalar,
     .real_binary_exact = real_binary_scalar,
     .integer_real_exact = integer_real_scalar,
     EDGEBNN_BESIDE(scalar)},
};

Kernels exact(Kernels kernels) {
  kernels.name = "exact";
  kernels.real_binary = kernels.real_binary_exact;
  kernels.integer_real = kernels.integer_real_exact;
  return kernels;
}

}  // namespace

std::span<const Kernels> all_kernels() { return kAll; }

Kernels chosen_kernels() {
  const char* named = std::getenv("EDGEBNN_KERNEL");
  const std::string forced = named == nullptr ? "" : named;
  std::string names = "exact";
  for (const Kernels& kernels : kAll) {
    if (!kernels.runs()) continue;
    if (named == nullptr || forced == kernels.name) return kernels;
    if (forced == "exact") return exact(kernels);
    names += std::string(", ") + kernels.name;
  }
  throw InputError("EDGEBNN_KERNEL: found '" + forced + "', here run " + names);
}

}  // namespace edgebnn
