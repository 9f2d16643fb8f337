// Signs, packed: bit c of row m is set where x[m][c] >= 0.
//   sign_bits: of stored weights
//   sum_signs: of sums, int32 or float64, once they are rounded to float32
#pragma once

#include <cstddef>
#include <cstdint>

#include "format.h"

namespace edgebnn {

// x: [rows][stride] from element `first` on; bits: [rows][bit_stride bytes], of which those of n
// bits are written, by pairs; beyond n they are zero. first and stride begin a byte of bits.
using SignBits = void(size_t rows, size_t n, Format format, const void* x, size_t first,
                      size_t stride, uint8_t* bits, size_t bit_stride);
using SumSigns = void(size_t rows, size_t n, bool real, const void* sums, size_t stride,
                      uint8_t* bits, size_t bit_stride);

SignBits sign_bits_scalar, sign_bits_avx512, sign_bits_avx2, sign_bits_neon;
SumSigns sum_signs_scalar, sum_signs_avx512, sum_signs_avx2, sum_signs_neon;

}  // namespace edgebnn
