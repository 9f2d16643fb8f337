#include "kernels/vector.h"

#include "kernels/sign_bits/sign_bits.h"

namespace edgebnn {
namespace {

template <class T>
inline void pack(size_t rows, size_t n, const void* x, size_t stride, uint8_t* bits,
                 size_t bit_stride) {
  for (size_t m = 0; m < rows; ++m) {
    const T* row = static_cast<const T*>(x) + m * stride;
    for (size_t c = 0; c < n; c += kAtOnce) {
      const auto values = load(row + c, n - c);
      Ints mask;
      if constexpr (T(0.5f) == T(0)) {
        mask = as<int32_t>(values) >= 0;
      } else {
        mask = as<float>(values) >= 0;
      }
      uint16_t word = bits_of(mask);
      if (n - c < kAtOnce) word &= static_cast<uint16_t>((1u << (n - c)) - 1);
      std::memcpy(bits + m * bit_stride + c / 8, &word, sizeof word);
    }
  }
}

template <class T>
inline void pack_from(size_t rows, size_t n, const void* x, size_t first, size_t stride,
                      uint8_t* bits, size_t bit_stride) {
  pack<T>(rows, n, static_cast<const T*>(x) + first, stride, bits, bit_stride);
}

inline void copy_bits(size_t rows, size_t n, const uint8_t* x, size_t stride, uint8_t* bits,
                      size_t bit_stride) {
  const size_t whole = n / 8, end = (n + kAtOnce - 1) / kAtOnce * 2;
  for (size_t m = 0; m < rows; ++m) {
    const uint8_t* from = x + m * stride / 8;
    uint8_t* to = bits + m * bit_stride;
    std::memcpy(to, from, whole);
    std::memset(to + whole, 0, end - whole);
    if (n % 8 != 0) to[whole] = static_cast<uint8_t>(from[whole] & ((1u << n % 8) - 1));
  }
}

}  // namespace

void EDGEBNN_NAME(sign_bits)(size_t rows, size_t n, Format format, const void* x, size_t first,
                             size_t stride, uint8_t* bits, size_t bit_stride) {
  switch (format) {
    case Format::q15:
      return pack_from<int16_t>(rows, n, x, first, stride, bits, bit_stride);
    case Format::i8_weight:
      return pack_from<int8_t>(rows, n, x, first, stride, bits, bit_stride);
    case Format::f16:
      return pack_from<_Float16>(rows, n, x, first, stride, bits, bit_stride);
    case Format::bit:
      return copy_bits(rows, n, static_cast<const uint8_t*>(x) + first / 8, stride, bits,
                       bit_stride);
    default:
      return pack_from<float>(rows, n, x, first, stride, bits, bit_stride);
  }
}

void EDGEBNN_NAME(sum_signs)(size_t rows, size_t n, bool real, const void* sums, size_t stride,
                             uint8_t* bits, size_t bit_stride) {
  real ? pack<double>(rows, n, sums, stride, bits, bit_stride)
       : pack<int32_t>(rows, n, sums, stride, bits, bit_stride);
}

}  // namespace edgebnn
