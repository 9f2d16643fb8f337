// Small integer times real: a[i][n] += sum over m of c[m][i]·g[m][n]: the first layer's dW.
//
// The scalar variant sums in float64, exactly where g holds float16 values, and so does _exact of
// each ISA. Vector variants sum up to kRowsInFloat rows in float32, and those sums in float64.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

inline constexpr size_t kRowsInFloat = 128;

// c: [rows][64], of which `inputs` count, a multiple of 8; g: [rows][units]; a: [inputs][units].
using IntegerReal = void (*)(size_t rows, size_t inputs, size_t units, const int16_t* c,
                             const float* g, double* a);

void integer_real_scalar(size_t rows, size_t inputs, size_t units, const int16_t* c, const float* g,
                         double* a);
void integer_real_avx512(size_t rows, size_t inputs, size_t units, const int16_t* c, const float* g,
                         double* a);
void integer_real_avx2(size_t rows, size_t inputs, size_t units, const int16_t* c, const float* g,
                       double* a);
void integer_real_neon(size_t rows, size_t inputs, size_t units, const int16_t* c, const float* g,
                       double* a);
void integer_real_exact_avx512(size_t rows, size_t inputs, size_t units, const int16_t* c,
                               const float* g, double* a);
void integer_real_exact_avx2(size_t rows, size_t inputs, size_t units, const int16_t* c,
                             const float* g, double* a);
void integer_real_exact_neon(size_t rows, size_t inputs, size_t units, const int16_t* c,
                             const float* g, double* a);

}  // namespace edgebnn
