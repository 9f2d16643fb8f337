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
inline void square_of(size_t left, const void* const rows[kSide], size_t c, Out* to,
                      size_t stride) {
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
  for (size_t k = 0; k < left; ++k) std::memcpy(to + k * stride, &square[k], sizeof square[k]);
}

// Squares side by side, 64 bytes of a row: of shorts one in each 128 bits of the registers, of
// bytes two. There halves of rows are interleaved.
template <class Out>
constexpr size_t kAcross = 64 / sizeof(Out);
template <class Out>
using Wide [[gnu::vector_size(64)]] = Out;

inline void interleave(const Wide<int16_t>& a, const Wide<int16_t>& b, Wide<int16_t>& low,
                       Wide<int16_t>& high) {
  low = __builtin_shufflevector(a, b, 0, 32, 1, 33, 2, 34, 3, 35, 8, 40, 9, 41, 10, 42, 11, 43, 16,
                                48, 17, 49, 18, 50, 19, 51, 24, 56, 25, 57, 26, 58, 27, 59);
  high = __builtin_shufflevector(a, b, 4, 36, 5, 37, 6, 38, 7, 39, 12, 44, 13, 45, 14, 46, 15, 47,
                                 20, 52, 21, 53, 22, 54, 23, 55, 28, 60, 29, 61, 30, 62, 31, 63);
}
inline void interleave(const Wide<int8_t>& a, const Wide<int8_t>& b, Wide<int8_t>& low,
                       Wide<int8_t>& high) {
  low = __builtin_shufflevector(a, b, 0, 64, 1, 65, 2, 66, 3, 67, 4, 68, 5, 69, 6, 70, 7, 71, 16,
                                80, 17, 81, 18, 82, 19, 83, 20, 84, 21, 85, 22, 86, 23, 87, 32, 96,
                                33, 97, 34, 98, 35, 99, 36, 100, 37, 101, 38, 102, 39, 103, 48, 112,
                                49, 113, 50, 114, 51, 115, 52, 116, 53, 117, 54, 118, 55, 119);
  high = __builtin_shufflevector(
      a, b, 8, 72, 9, 73, 10, 74, 11, 75, 12, 76, 13, 77, 14, 78, 15, 79, 24, 88, 25, 89, 26, 90,
      27, 91, 28, 92, 29, 93, 30, 94, 31, 95, 40, 104, 41, 105, 42, 106, 43, 107, 44, 108, 45, 109,
      46, 110, 47, 111, 56, 120, 57, 121, 58, 122, 59, 123, 60, 124, 61, 125, 62, 126, 63, 127);
}

template <class T, class Out>
inline void squares_of(const void* const rows[kSide], size_t c, Out* to, size_t stride) {
  using Some [[gnu::vector_size(kAcross<Out> * sizeof(T))]] = T;
  Wide<Out> square[kSide];
  for (size_t j = 0; j < kSide; ++j) {
    Some row{};
    if (rows[j] != nullptr) std::memcpy(&row, static_cast<const T*>(rows[j]) + c, sizeof row);
    square[j] = __builtin_convertvector(row, Wide<Out>);
  }
  for (int pass = 0; pass < 3; ++pass) {
    Wide<Out> next[kSide];
    for (size_t k = 0; k < kSide / 2; ++k)
      interleave(square[k], square[k + kSide / 2], next[2 * k], next[2 * k + 1]);
    for (size_t k = 0; k < kSide; ++k) square[k] = next[k];
  }
  // A row of the squares: of the first's column, or its two columns, then of the next 128 bits'.
  constexpr size_t kTogether = 16 / (kSide * sizeof(Out));
  for (size_t k = 0; k < kSide; ++k) {
    for (size_t s = 0; s < 4; ++s) {
      for (size_t i = 0; i < kTogether; ++i) {
        const auto* part = reinterpret_cast<const Out*>(&square[k]) + (s * kTogether + i) * kSide;
        std::memcpy(to + ((s * kSide + k) * kTogether + i) * stride, part, kSide * sizeof(Out));
      }
    }
  }
}

template <class T, class Out>
inline void columns_of(size_t n, const void* const rows[kSide], void* out, size_t stride) {
  Out* to = static_cast<Out*>(out);
  size_t c = 0;
  if constexpr (sizeof(Out) <= sizeof(int16_t)) {
    for (; c + kAcross<Out> <= n; c += kAcross<Out>)
      squares_of<T>(rows, c, to + c * stride, stride);
  }
  for (; c < n; c += kSide)
    square_of<T, Out>(n - c < kSide ? n - c : kSide, rows, c, to + c * stride, stride);
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
    case Format::i6:
      return columns_of<int8_t, int8_t>(n, rows, out, out_stride);
    default:
      return columns_of<int8_t, int16_t>(n, rows, out, out_stride);
  }
}

}  // namespace edgebnn
