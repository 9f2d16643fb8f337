#include "kernels/vector.h"

#include "kernels/add_sums/add_sums.h"

namespace edgebnn {
namespace {

template <class S>
inline void add(size_t n, const S* from, S* to) {
  for (size_t i = 0; i < n; i += kAtOnce)
    store(to + i, load(to + i, n - i) + load(from + i, n - i), n - i);
}

}  // namespace

void EDGEBNN_NAME(add_sums)(size_t n, bool real, const void* from, void* to) {
  real ? add(n, static_cast<const double*>(from), static_cast<double*>(to))
       : add(n, static_cast<const int32_t*>(from), static_cast<int32_t*>(to));
}

}  // namespace edgebnn
