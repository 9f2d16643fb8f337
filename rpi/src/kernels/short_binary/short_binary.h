// Short integer times binary: s[r][l] += sum over t of g[r][t]·b[t][l], |g| <= 8191, b in {-1, +1}.
// Exact. The products of dX and dW as in real_binary.h, on gradients of shared exponents; and Y of
// the first layer (rows: positions, terms: inputs, lanes: units), whose g are centred pixels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/sum_rows.h"

namespace edgebnn {

inline constexpr int kLargestShort = 8191;

// g: [rows][terms]; b: [terms/32][lanes], bit t%32 of a word set for +1. terms is a multiple of 32
// (g is 0 where there is no term), lanes of 16.
using ShortBinary = void(size_t rows, size_t terms, size_t lanes, const int16_t* g,
                         const uint32_t* b, const SumRows<int32_t>& s);

ShortBinary short_binary_scalar, short_binary_amx, short_binary_avx512, short_binary_avx2,
    short_binary_neon;

}  // namespace edgebnn
