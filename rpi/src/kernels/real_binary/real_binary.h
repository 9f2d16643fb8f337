// Real times binary: s[r][l] += sum over t of g[r][t]·b[t][l], b in {-1, +1}. The product of dX
// (rows: positions, terms: units, lanes: inputs) and, with dY transposed, of dW (rows: units,
// terms: positions).
//
// The scalar variant sums in float64, exactly where g holds float16 values, and so does _exact of
// each ISA. Vector variants sum up to kTermsInFloat terms in float32, and those sums in float64.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/sum_rows.h"

namespace edgebnn {

inline constexpr size_t kTermsInFloat = 128;

// g: [rows][terms]; b: [terms/32][lanes], bit t%32 of a word set for +1. terms is a multiple of 32
// (g is 0 where there is no term), lanes of 16.
using RealBinary = void(size_t rows, size_t terms, size_t lanes, const float* g, const uint32_t* b,
                        const SumRows<double>& s);

RealBinary real_binary_scalar, real_binary_avx512, real_binary_avx2, real_binary_neon,
    real_binary_exact_avx512, real_binary_exact_avx2, real_binary_exact_neon;

}  // namespace edgebnn
