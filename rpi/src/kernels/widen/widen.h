// Stored gradients as the products take them: f32 and f16 as float32, integers as shorts; as
// columns i6 as bytes.
//   rows:     out[m][c] = k[m][c]·factor[c]
//   columns:  out[c][j] = rows[j][c], j = 0..7
#pragma once

#include <cstddef>

#include "format.h"

namespace edgebnn {

// Rows whose columns are taken at once.
inline constexpr size_t kColumnRows = 8;

// k: [rows][stride]; factor: [n], of bytes alone, or null for 1; out: [rows][out_stride].
using WidenRows = void(size_t rows, size_t n, Format format, const void* k, size_t stride,
                       const float* factor, void* out, size_t out_stride);
// rows[j]: [n], or null for zeros; out: [n][out_stride], of which eight elements are written.
using WidenColumns = void(size_t n, Format format, const void* const rows[kColumnRows], void* out,
                          size_t out_stride);

WidenRows widen_rows_scalar, widen_rows_avx512, widen_rows_avx2, widen_rows_neon;
WidenColumns widen_columns_scalar, widen_columns_avx512, widen_columns_avx2, widen_columns_neon;

}  // namespace edgebnn
