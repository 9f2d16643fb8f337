#include "kernels/widen/widen.h"
#include "storage.h"

namespace edgebnn {
namespace {

void put(Format format, float x, void* out, size_t at) {
  if (shares_exponents(format)) {
    static_cast<int16_t*>(out)[at] = static_cast<int16_t>(x);
  } else {
    static_cast<float*>(out)[at] = x;
  }
}

}  // namespace

void widen_rows_scalar(size_t rows, size_t n, Format format, const void* k, size_t stride,
                       const float* factor, void* out, size_t out_stride) {
  for (size_t m = 0; m < rows; ++m) {
    for (size_t c = 0; c < n; ++c) {
      float x;
      load(format, k, m * stride + c, 1, &x);
      put(format, factor == nullptr ? x : x * factor[c], out, m * out_stride + c);
    }
  }
}

void widen_columns_scalar(size_t n, Format format, const void* const rows[kColumnRows], void* out,
                          size_t out_stride) {
  for (size_t j = 0; j < kColumnRows; ++j) {
    for (size_t c = 0; c < n; ++c) {
      float x = 0;
      if (rows[j] != nullptr) load(format, rows[j], c, 1, &x);
      if (format == Format::i6) {
        static_cast<int8_t*>(out)[c * out_stride + j] = static_cast<int8_t>(x);
      } else {
        put(format, x, out, c * out_stride + j);
      }
    }
  }
}

}  // namespace edgebnn
