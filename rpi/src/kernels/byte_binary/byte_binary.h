// Bytes times binary: s[r][l] += sum over t of 2^shifts[t/8]·g[r][t]·b[t][l], |g| <= 31, b in
// {-1, +1}. Exact. The products of dX and dW as in short_binary.h, on i6 gradients: few enough bits
// that a sum of four still is a byte. For dW all shifts are 0; for dX terms are units, whose
// exponents differ, and stand sorted by them (gradient_map.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/sum_rows.h"

namespace edgebnn {

inline constexpr int kLargestByte = 31, kLargestShift = 8;
inline constexpr size_t kTermsTogether = 8;  // share a shift

// g: [rows][terms]; shifts: [terms/8], or null for 0; b: [terms/32][lanes], bit t%32 of a word set
// for +1. terms is a multiple of 32 (g is 0 where there is no term), lanes of 16.
using ByteBinary = void(size_t rows, size_t terms, size_t lanes, const int8_t* g,
                        const uint8_t* shifts, const uint32_t* b, const SumRows<int32_t>& s);

ByteBinary byte_binary_scalar, byte_binary_amx, byte_binary_avx512, byte_binary_avx2,
    byte_binary_neon;

}  // namespace edgebnn
