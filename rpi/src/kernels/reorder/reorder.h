// Rows of bytes in another order: out[m][j] = k[m][order[j]], or 0 where order[j] is kNothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

inline constexpr uint32_t kNothing = UINT32_MAX;

// k: [rows][stride], of which the first n of a row; out: [rows][terms]; terms a multiple of 32.
using Reorder = void(size_t rows, size_t n, const int8_t* k, size_t stride, size_t terms,
                     const uint32_t* order, int8_t* out);

// Bytes one by one are what AVX2 does as well.
Reorder reorder_scalar, reorder_avx512, reorder_neon;

}  // namespace edgebnn
