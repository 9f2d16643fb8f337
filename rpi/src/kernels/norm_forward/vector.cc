#include "kernels/vector.h"

#include "kernels/norm_forward/norm_forward.h"

namespace edgebnn {
namespace {

template <class T>
[[gnu::always_inline]] inline Ints product(const Products& y, size_t m, size_t c, size_t left) {
  return as<int32_t>(load(static_cast<const T*>(y.y) + m * y.stride + c, left));
}

// Rows whose products a 32-bit sum holds: 2^7 · 2^24.
constexpr size_t kRows = 127;

template <class T>
inline void sum_of(size_t rows, size_t n, const Products& y, double* sum) {
  for (size_t c = 0; c < n; c += kAtOnce) {
    Doubles all = load(sum + c, n - c);
    for (size_t first = 0; first < rows; first += kRows) {
      const size_t end = rows - first < kRows ? rows : first + kRows;
      Ints some{};
      for (size_t m = first; m < end; ++m) some += product<T>(y, m, c, n - c);
      all += as<double>(some);
    }
    store(sum + c, all, n - c);
  }
}

template <class T, bool l2>
inline void deviations(size_t rows, size_t n, const Products& y, const float* mu, double* sum) {
  for (size_t c = 0; c < n; c += kAtOnce) {
    const Floats mean = load(mu + c, n - c);
    Doubles all = load(sum + c, n - c);
    for (size_t m = 0; m < rows; ++m) {
      const Floats d = as<float>(product<T>(y, m, c, n - c)) - mean;
      if constexpr (l2) {
        const Doubles wide = as<double>(d);
        all += wide * wide;
      } else {
        all += as<double>(magnitude(d));
      }
    }
    store(sum + c, all, n - c);
  }
}

[[gnu::always_inline]] inline void store_bits(uint8_t* row, size_t c, Ints mask, size_t left) {
  uint16_t word = bits_of(mask);
  if (left < kAtOnce) word &= static_cast<uint16_t>((1u << left) - 1);
  std::memcpy(row + c / 8, &word, sizeof word);
}

[[gnu::always_inline]] inline void keep(const Normalised& out, size_t at, Floats xn, size_t left) {
  if (out.kept == Format::f32) [[likely]]
    return store(static_cast<float*>(out.xn) + at, xn, left);
  store(static_cast<_Float16*>(out.xn) + at, as<_Float16>(xn), left);
}

template <class T>
inline void normalise_of(size_t rows, size_t n, const Products& y, const NormStatistics& norm,
                         const Normalised& out, double* sum) {
  for (size_t c = 0; c < n; c += kAtOnce) {
    const size_t left = n - c;
    const Floats mu = load(norm.mu + c, left), r = load(norm.r + c, left);
    const Floats beta = load(norm.beta + c, left);
    Doubles all = load(sum + c, left);
    for (size_t m = 0; m < rows; ++m) {
      const Floats xn = (as<float>(product<T>(y, m, c, left)) - mu) * r, x = xn + beta;
      const Floats size = magnitude(x);
      all += as<double>(size);
      store_bits(out.signs + m * out.bit_stride, c, x >= 0, left);
      if (out.inside != nullptr) store_bits(out.inside + m * out.bit_stride, c, size <= 1, left);
      if (out.xn != nullptr) keep(out, m * out.stride + c, xn, left);
      if (out.x != nullptr) store(out.x + m * out.stride + c, x, left);
    }
    store(sum + c, all, left);
  }
  for (size_t byte = (n + kAtOnce - 1) / kAtOnce * 2; byte < out.bytes; ++byte) {
    for (size_t m = 0; m < rows; ++m) {
      out.signs[m * out.bit_stride + byte] = 0;
      if (out.inside != nullptr) out.inside[m * out.bit_stride + byte] = 0;
    }
  }
}

template <class T>
inline void deviations_of(size_t rows, size_t n, const Products& y, const float* mu, bool l2,
                          double* sum) {
  l2 ? deviations<T, true>(rows, n, y, mu, sum) : deviations<T, false>(rows, n, y, mu, sum);
}

template <class T>
inline void keep(size_t rows, size_t n, const int32_t* y, size_t stride, const KeptProducts& kept) {
  for (size_t m = 0; m < rows; ++m) {
    T* to = static_cast<T*>(kept.y) + m * kept.stride;
    for (size_t c = 0; c < n; c += kAtOnce)
      store(to + c, as<T>(load(y + m * stride + c, n - c)), n - c);
  }
}

}  // namespace

void EDGEBNN_NAME(keep_products)(size_t rows, size_t n, const int32_t* y, size_t stride,
                                 const KeptProducts& kept) {
  kept.format == Format::i16 ? keep<int16_t>(rows, n, y, stride, kept)
                             : keep<int32_t>(rows, n, y, stride, kept);
}

void EDGEBNN_NAME(product_sum)(size_t rows, size_t n, const Products& y, double* sum) {
  y.format == Format::i16 ? sum_of<int16_t>(rows, n, y, sum) : sum_of<int32_t>(rows, n, y, sum);
}

void EDGEBNN_NAME(deviation_sum)(size_t rows, size_t n, const Products& y, const float* mu, bool l2,
                                 double* sum) {
  y.format == Format::i16 ? deviations_of<int16_t>(rows, n, y, mu, l2, sum)
                          : deviations_of<int32_t>(rows, n, y, mu, l2, sum);
}

void EDGEBNN_NAME(normalise)(size_t rows, size_t n, const Products& y, const NormStatistics& norm,
                             const Normalised& out, double* sum) {
  y.format == Format::i16 ? normalise_of<int16_t>(rows, n, y, norm, out, sum)
                          : normalise_of<int32_t>(rows, n, y, norm, out, sum);
}

}  // namespace edgebnn
