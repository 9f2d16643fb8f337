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

[[gnu::always_inline]] inline void keep(const Normalised& out, size_t at, Floats xn, size_t left) {
  if (out.kept == Format::f32) [[likely]]
    return store(static_cast<float*>(out.xn) + at, xn, left);
  store(static_cast<_Float16*>(out.xn) + at, as<_Float16>(xn), left);
}

inline void store_bits(uint8_t* to, uint32_t bits, size_t left) {
  const auto word = static_cast<uint16_t>(left < kAtOnce ? bits & ((1u << left) - 1) : bits);
  std::memcpy(to, &word, sizeof word);
}

// kBits: signs and what is inside, no more.
template <class T, bool kBits>
inline void normalise_of(size_t rows, size_t n, const Products& y, const NormStatistics& norm,
                         const Normalised& given, double* sum) {
  const Normalised out = given;
  for (size_t c = 0; c < n; c += kAtOnce) {
    const size_t left = n - c;
    const Floats mu = load(norm.mu + c, left), r = load(norm.r + c, left);
    const Floats beta = load(norm.beta + c, left);
    Doubles all = load(sum + c, left);
    uint8_t* signs = out.signs + c / 8;
    uint8_t* inside = out.inside + (kBits ? c / 8 : 0);
    for (size_t m = 0; m < rows; ++m, signs += out.bit_stride) {
      const Floats xn = (as<float>(product<T>(y, m, c, left)) - mu) * r, x = xn + beta;
      const Floats size = magnitude(x);
      all += as<double>(size);
      if constexpr (kBits) {
        const uint32_t bits = bits_of(x >= 0, size <= 1);
        store_bits(signs, bits, left);
        store_bits(inside, bits >> 16, left);
        inside += out.bit_stride;
        continue;
      }
      store_bits(signs, bits_of(x >= 0), left);
      if (out.inside != nullptr)
        store_bits(out.inside + m * out.bit_stride + c / 8, bits_of(size <= 1), left);
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
inline void normalise_of(size_t rows, size_t n, const Products& y, const NormStatistics& norm,
                         const Normalised& out, double* sum) {
  const bool bits_alone = out.inside != nullptr && out.xn == nullptr && out.x == nullptr;
  bits_alone ? normalise_of<T, true>(rows, n, y, norm, out, sum)
             : normalise_of<T, false>(rows, n, y, norm, out, sum);
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
