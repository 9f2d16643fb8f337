#include "kernels/add_sums/add_sums.h"

namespace edgebnn {

void add_sums_scalar(size_t n, bool real, const void* from, void* to) {
  for (size_t i = 0; i < n; ++i) {
    if (real) {
      static_cast<double*>(to)[i] += static_cast<const double*>(from)[i];
    } else {
      static_cast<int32_t*>(to)[i] += static_cast<const int32_t*>(from)[i];
    }
  }
}

}  // namespace edgebnn
