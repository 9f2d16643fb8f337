#include "kernels/registry.h"

#include <cstdlib>

#include "errors.h"

namespace edgebnn {
namespace {

bool everywhere() { return true; }

constexpr Kernels kAll[] = {
    {"scalar", everywhere, binary_binary_scalar, real_binary_scalar, binary_real_scalar,
     integer_binary_scalar, integer_real_scalar},
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
