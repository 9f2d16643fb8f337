#include "kernels/centre_pixels/centre_pixels.h"

namespace edgebnn {

void centre_pixels_scalar(size_t n, const uint8_t* u, int16_t* c) {
  for (size_t i = 0; i < n; ++i) c[i] = static_cast<int16_t>(2 * u[i] - 255);
}

}  // namespace edgebnn
