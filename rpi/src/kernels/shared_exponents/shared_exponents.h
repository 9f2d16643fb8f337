// The exponents of dX' of a sample, from the largest magnitudes of its channels, as the bits of
// floats (docs/numerics.md, Storage):
//   highest:  max of top[c]
//   each:     e[c] = the smallest e in [-126, 126] for which top[c] <= largest·2^e
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

using HighestMagnitude = int32_t(size_t n, const int32_t* top);
// largest: 2^b - 1.
using SharedExponents = void(size_t n, const int32_t* top, int largest, int8_t* e);

HighestMagnitude highest_magnitude_scalar, highest_magnitude_avx512, highest_magnitude_avx2,
    highest_magnitude_neon;
SharedExponents shared_exponents_scalar, shared_exponents_avx512, shared_exponents_avx2,
    shared_exponents_neon;

}  // namespace edgebnn
