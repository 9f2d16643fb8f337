#include "kernels/vector.h"

#include "kernels/centre_pixels/centre_pixels.h"

namespace edgebnn {

void EDGEBNN_NAME(centre_pixels)(size_t n, const uint8_t* u, int16_t* c) {
  size_t i = 0;
  for (; i + kAtOnce <= n; i += kAtOnce)
    store(c + i, static_cast<Vector<int16_t>>(as<int16_t>(load(u + i)) * 2 - 255));
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < n; ++i) c[i] = static_cast<int16_t>(2 * u[i] - 255);  // a few: the taps of a window
}

}  // namespace edgebnn
