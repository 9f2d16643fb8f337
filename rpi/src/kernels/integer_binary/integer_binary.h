// Small integer times binary: y[m][n] = sum over i of c[m][i]·w[n][i], w in {-1, +1}; the first
// layer, whose input are centred pixels c in [-255, 255]. Exact.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

// c: [rows][64·words], zero in lanes of padding bits; w: [units][words] packed (a set bit is +1);
// y: [rows][units].
using IntegerBinary = void (*)(size_t rows, size_t units, size_t words, const int16_t* c,
                               const uint64_t* w, int32_t* y);

void integer_binary_scalar(size_t rows, size_t units, size_t words, const int16_t* c,
                           const uint64_t* w, int32_t* y);

}  // namespace edgebnn
