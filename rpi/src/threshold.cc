#include "threshold.h"

namespace edgebnn {

int64_t largest_product(const Block& block) {
  const Window& w = block.window;
  const int64_t inputs = int64_t{w.height} * w.width * w.in.channels;
  if (inputs > INT32_MAX) return inputs;  // too many already
  return inputs * (block.first ? 255 : 1);
}

int32_t threshold_of(const UnitNorm& norm, int32_t largest) {
  // The sign is not yet +1 below `low`, and is from `high` on.
  int64_t low = -int64_t{largest}, high = int64_t{largest} + 1;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (norm(static_cast<int32_t>(middle)) >= 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return static_cast<int32_t>(low);
}

}  // namespace edgebnn
