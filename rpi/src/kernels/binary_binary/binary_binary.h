// Binary times binary: y[m][n] = sum over i of x[m][i]·w[n][i], x and w in {-1, +1}.
//
// A set bit is +1. Rows hold `words` 64-bit words; bits beyond the row's `bits` are zero in both,
// so
//   y[m][n] = bits - 2·popcount(x[m] ^ w[n]).
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

// Units that lie side by side in w, so that a vector holds one word of each.
inline constexpr size_t kUnitsTogether = 8;

// x: [rows][words]; w: [units/8][words][8], units rounded up; y: [rows][units].
using BinaryBinary = void (*)(size_t rows, size_t units, size_t words, int32_t bits,
                              const uint64_t* x, const uint64_t* w, int32_t* y);

void binary_binary_scalar(size_t rows, size_t units, size_t words, int32_t bits, const uint64_t* x,
                          const uint64_t* w, int32_t* y);
void binary_binary_avx512(size_t rows, size_t units, size_t words, int32_t bits, const uint64_t* x,
                          const uint64_t* w, int32_t* y);
void binary_binary_avx2(size_t rows, size_t units, size_t words, int32_t bits, const uint64_t* x,
                        const uint64_t* w, int32_t* y);
void binary_binary_neon(size_t rows, size_t units, size_t words, int32_t bits, const uint64_t* x,
                        const uint64_t* w, int32_t* y);

}  // namespace edgebnn
