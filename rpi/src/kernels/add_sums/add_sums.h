// to[i] += from[i], of sums: int32 or float64.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

using AddSums = void(size_t n, bool real, const void* from, void* to);

AddSums add_sums_scalar, add_sums_avx512, add_sums_avx2, add_sums_neon;

}  // namespace edgebnn
