// Binary times real: a[i][n] += sum over m of x[m][i]·g[m][n], x in {-1, +1}; the product of dW,
// for the 64 inputs of one word.
//
// Sums are float64: exact, whatever their order, where g holds float16 values or integers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

// x: [rows], one word each (a set bit is +1), g: [rows][units], a: [64][units].
using BinaryReal = void (*)(size_t rows, size_t units, const uint64_t* x, const float* g,
                            double* a);

void binary_real_scalar(size_t rows, size_t units, const uint64_t* x, const float* g, double* a);

}  // namespace edgebnn
