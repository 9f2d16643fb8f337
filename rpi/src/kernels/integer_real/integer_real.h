// Small integer times real: a[i][n] += sum over m of c[m][i]·g[m][n]; the first layer's dW, for 64
// inputs.
//
// Sums are float64: exact, whatever their order, where g holds float16 values or integers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

// c: [rows][stride], of which columns 0..63 are read; g: [rows][units]; a: [64][units].
using IntegerReal = void (*)(size_t rows, size_t units, size_t stride, const int16_t* c,
                             const float* g, double* a);

void integer_real_scalar(size_t rows, size_t units, size_t stride, const int16_t* c, const float* g,
                         double* a);

}  // namespace edgebnn
