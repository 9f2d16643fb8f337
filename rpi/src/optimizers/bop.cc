#include "optimizers/bop.h"

#include <cmath>

namespace edgebnn {

void Bop::average(size_t n, float, const float* g, float* m) const {
  const float keep = 1.0f - gamma_;
  for (size_t i = 0; i < n; ++i) m[i] = m[i] * keep + g[i] * gamma_;
}

void Bop::move(size_t n, float, const float* m, const float*, float*, float* w) const {
  for (size_t i = 0; i < n; ++i) {
    const bool same = (m[i] >= 0) == (w[i] >= 0);
    if (std::fabs(m[i]) > tau_ && same) w[i] = -w[i];
  }
}

}  // namespace edgebnn
