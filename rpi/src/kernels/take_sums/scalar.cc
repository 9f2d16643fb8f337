#include "kernels/take_sums/take_sums.h"

namespace edgebnn {
namespace {

template <class S>
void take(size_t n, S* from, S* to) {
  for (size_t i = 0; i < n; ++i) {
    to[i] += from[i];
    from[i] = 0;
  }
}

}  // namespace

void take_sums_scalar(size_t n, bool real, void* from, void* to) {
  real ? take(n, static_cast<double*>(from), static_cast<double*>(to))
       : take(n, static_cast<int32_t*>(from), static_cast<int32_t*>(to));
}

}  // namespace edgebnn
