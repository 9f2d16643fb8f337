// Squares of 32x32 bits, turned over: in 32 rows of `words` words, word by word,
//   bit j of row i <-> bit i of row j
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

// rows: [32][words]; words is even.
using TransposeBits = void(size_t words, uint32_t* rows);

TransposeBits transpose_bits_scalar, transpose_bits_avx512, transpose_bits_avx2,
    transpose_bits_neon;

}  // namespace edgebnn
