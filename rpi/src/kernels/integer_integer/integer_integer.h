// Small integer times short integer: a[i][n] += sum over m of c[m][i]·g[m][n], |c| <= 255,
// |g| <= 8191: the first layer's dW on gradients of shared exponents. Exact.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

// c: [rows][64], of which `inputs` count, a multiple of 8; g: [rows][units], at most 64 units;
// a: [inputs][units].
using IntegerInteger = void (*)(size_t rows, size_t inputs, size_t units, const int16_t* c,
                                const int16_t* g, double* a);

void integer_integer_scalar(size_t rows, size_t inputs, size_t units, const int16_t* c,
                            const int16_t* g, double* a);
void integer_integer_avx512(size_t rows, size_t inputs, size_t units, const int16_t* c,
                            const int16_t* g, double* a);
void integer_integer_avx2(size_t rows, size_t inputs, size_t units, const int16_t* c,
                          const int16_t* g, double* a);
void integer_integer_neon(size_t rows, size_t inputs, size_t units, const int16_t* c,
                          const int16_t* g, double* a);

}  // namespace edgebnn
