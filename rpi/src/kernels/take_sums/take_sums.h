// Sums, int32 or float64, change their place: to[i] += from[i], then from[i] = 0.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

using TakeSums = void(size_t n, bool real, void* from, void* to);

TakeSums take_sums_scalar, take_sums_avx512, take_sums_avx2, take_sums_neon;

}  // namespace edgebnn
