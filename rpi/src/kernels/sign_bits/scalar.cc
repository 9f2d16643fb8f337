#include <cstring>

#include "kernels/sign_bits/sign_bits.h"
#include "storage.h"

namespace edgebnn {
namespace {

template <class Value>
void pack(size_t n, uint8_t* row, Value&& value) {
  std::memset(row, 0, (n + 15) / 16 * 2);
  for (size_t c = 0; c < n; ++c) row[c / 8] |= static_cast<uint8_t>((value(c) >= 0) << (c % 8));
}

}  // namespace

void sign_bits_scalar(size_t rows, size_t n, Format format, const void* x, size_t first,
                      size_t stride, uint8_t* bits, size_t bit_stride) {
  for (size_t m = 0; m < rows; ++m) {
    pack(n, bits + m * bit_stride, [&](size_t c) {
      float value;
      load(format, x, first + m * stride + c, 1, &value);
      return value;
    });
  }
}

void sum_signs_scalar(size_t rows, size_t n, bool real, const void* sums, size_t stride,
                      uint8_t* bits, size_t bit_stride) {
  for (size_t m = 0; m < rows; ++m) {
    pack(n, bits + m * bit_stride, [&](size_t c) {
      const size_t at = m * stride + c;
      return real ? static_cast<float>(static_cast<const double*>(sums)[at])
                  : static_cast<float>(static_cast<const int32_t*>(sums)[at]);
    });
  }
}

}  // namespace edgebnn
