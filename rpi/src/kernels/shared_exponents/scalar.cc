#include <algorithm>

#include "gradient_map.h"
#include "kernels/shared_exponents/shared_exponents.h"

namespace edgebnn {

int32_t highest_magnitude_scalar(size_t n, const int32_t* top) {
  int32_t most = 0;
  for (size_t c = 0; c < n; ++c) most = std::max(most, top[c]);
  return most;
}

void shared_exponents_scalar(size_t n, const int32_t* top, int largest, int8_t* e) {
  for (size_t c = 0; c < n; ++c) e[c] = static_cast<int8_t>(shared_exponent(top[c], largest));
}

}  // namespace edgebnn
