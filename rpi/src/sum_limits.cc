#include "sum_limits.h"

#include <algorithm>
#include <cstdint>

#include "errors.h"
#include "kernels/short_binary/short_binary.h"

namespace edgebnn {
namespace {

std::string limit(const RunFile& run) {
  return " with gradient_dtype " + std::string(name_of(run.switches.gradients));
}

}  // namespace

void check_sums_of_dw(const RunFile& run, const Block& block) {
  const Format format = run.switches.gradients;
  if (!shares_exponents(format)) return;
  const uint64_t largest = format == Format::i16 ? kLargestShort : INT8_MAX;
  const uint64_t terms = INT32_MAX / largest, positions = block.window.out.positions();
  if (static_cast<uint64_t>(run.batch_size) * positions <= terms) return;
  throw InputError(run.path + ": batch_size: found " + std::to_string(run.batch_size) +
                   ", at most " + std::to_string(terms / positions) + " is allowed" + limit(run) +
                   " (" + block.name + ")");
}

void check_sums_of_dx(const RunFile& run, const Block& block) {
  if (!shares_exponents(run.switches.gradients)) return;
  const Window& w = block.window;
  const uint64_t reads = std::min<uint64_t>(w.taps(), w.out.positions());
  if (block.units() * reads <= INT32_MAX / kLargestShort) return;
  throw InputError(run.path + ": " + block.name + ": " + std::to_string(block.units()) +
                   " units are too many" + limit(run));
}

}  // namespace edgebnn
