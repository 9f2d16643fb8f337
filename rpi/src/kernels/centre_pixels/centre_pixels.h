// Centred pixels, c[i] = 2·u[i] - 255 (docs/numerics.md, Forward 1).
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

using CentrePixels = void(size_t n, const uint8_t* u, int16_t* c);

CentrePixels centre_pixels_scalar, centre_pixels_avx512, centre_pixels_avx2, centre_pixels_neon;

}  // namespace edgebnn
