#include "kernels/vector.h"

#include "kernels/take_sums/take_sums.h"

namespace edgebnn {
namespace {

template <class S>
inline void take(size_t n, S* from, S* to) {
  size_t i = 0;
  for (; i + kAtOnce <= n; i += kAtOnce) {
    store(to + i, load(to + i) + load(from + i));
    store(from + i, Vector<S>{});
  }
  if (i == n) return;
  store(to + i, load(to + i, n - i) + load(from + i, n - i), n - i);
  store(from + i, Vector<S>{}, n - i);
}

}  // namespace

void EDGEBNN_NAME(take_sums)(size_t n, bool real, void* from, void* to) {
  real ? take(n, static_cast<double*>(from), static_cast<double*>(to))
       : take(n, static_cast<int32_t*>(from), static_cast<int32_t*>(to));
}

}  // namespace edgebnn
