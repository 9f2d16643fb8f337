#include "kernels/vector.h"

#include "kernels/widen/widen.h"

namespace edgebnn {
namespace {

constexpr size_t kSide = kColumnRows;
template <class T>
using Eight [[gnu::vector_size(kSide * sizeof(T))]] = T;

template <class T, class Out>
inline void rows_of(size_t rows, size_t n, const void* k, size_t stride, const float* factor,
                    void* out, size_t out_stride) {
  for (size_t m = 0; m < rows; ++m) {
    const T* from = static_cast<const T*>(k) + m * stride;
    Out* to = static_cast<Out*>(out) + m * out_stride;
    for (size_t c = 0; c < n; c += kAtOnce) {
      const Vector<T> x = load(from + c, n - c);
      if (factor == nullptr) {
        store(to + c, as<Out>(x), n - c);
      } else {
        store(to + c, as<Out>(as<int32_t>(as<float>(x) * load(factor + c, n - c))), n - c);
      }
    }
  }
}

// Eight vectors of eight: pairs of rows are interleaved, thrice.
template <class V>
[[gnu::always_inline]] inline void transpose(V (&rows)[kSide]) {
  for (int pass = 0; pass < 3; ++pass) {
    V next[kSide];
    for (size_t k = 0; k < kSide / 2; ++k) {
      const V &a = rows[k], &b = rows[k + kSide / 2];
      next[2 * k] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
      next[2 * k + 1] = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    }
    for (size_t k = 0; k < kSide; ++k) rows[k] = next[k];
  }
}

template <class T, class Out>
inline void columns_of(size_t n, const void* const rows[kSide], void* out, size_t stride) {
  for (size_t c = 0; c < n; c += kSide) {
    const size_t left = n - c < kSide ? n - c : kSide;
    Eight<Out> square[kSide];
    for (size_t j = 0; j < kSide; ++j) {
      Eight<T> row{};
      if (rows[j] != nullptr) {
        const T* from = static_cast<const T*>(rows[j]) + c;
        left == kSide ? static_cast<void>(std::memcpy(&row, from, sizeof row))
                      : copy_part(&row, from, left * sizeof(T));
      }
      square[j] = __builtin_convertvector(row, Eight<Out>);
    }
    transpose(square);
    Out* to = static_cast<Out*>(out) + c * stride;
    for (size_t k = 0; k < left; ++k) std::memcpy(to + k * stride, &square[k], sizeof square[k]);
  }
}

}  // namespace

void EDGEBNN_NAME(widen_rows)(size_t rows, size_t n, Format format, const void* k, size_t stride,
                              const float* factor, void* out, size_t out_stride) {
  switch (format) {
    case Format::f32:
      return rows_of<float, float>(rows, n, k, stride, nullptr, out, out_stride);
    case Format::f16:
      return rows_of<_Float16, float>(rows, n, k, stride, nullptr, out, out_stride);
    case Format::i16:
      return rows_of<int16_t, int16_t>(rows, n, k, stride, nullptr, out, out_stride);
    default:
      return rows_of<int8_t, int16_t>(rows, n, k, stride, factor, out, out_stride);
  }
}

void EDGEBNN_NAME(widen_columns)(size_t n, Format format, const void* const rows[kColumnRows],
                                 void* out, size_t out_stride) {
  switch (format) {
    case Format::f32:
      return columns_of<float, float>(n, rows, out, out_stride);
    case Format::f16:
      return columns_of<_Float16, float>(n, rows, out, out_stride);
    case Format::i16:
      return columns_of<int16_t, int16_t>(n, rows, out, out_stride);
    default:
      return columns_of<int8_t, int16_t>(n, rows, out, out_stride);
  }
}

}  // namespace edgebnn
