// Real times binary: d[m][i] += sum over n of g[m][n]·w[n][i], w in {-1, +1}; the product of dX.
//
// Sums are float64: exact, whatever their order, where g holds float16 values or integers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

// g: [rows][units], w: [units][words] packed (a set bit is +1), d: [rows][64·words]. Lanes of d
// that belong to padding bits of w receive meaningless values.
using RealBinary = void (*)(size_t rows, size_t units, size_t words, const float* g,
                            const uint64_t* w, double* d);

void real_binary_scalar(size_t rows, size_t units, size_t words, const float* g, const uint64_t* w,
                        double* d);

}  // namespace edgebnn
