#include <cmath>
#include <cstring>

#include "kernels/norm_forward/norm_forward.h"
#include "storage.h"

namespace edgebnn {
namespace {

int32_t product(const Products& y, size_t m, size_t c) {
  const size_t at = m * y.stride + c;
  return y.format == Format::i16 ? static_cast<const int16_t*>(y.y)[at]
                                 : static_cast<const int32_t*>(y.y)[at];
}

}  // namespace

void keep_products_scalar(size_t rows, size_t n, const int32_t* y, size_t stride,
                          const KeptProducts& kept) {
  for (size_t m = 0; m < rows; ++m) {
    for (size_t c = 0; c < n; ++c) {
      const size_t at = m * kept.stride + c;
      if (kept.format == Format::i16) {
        static_cast<int16_t*>(kept.y)[at] = static_cast<int16_t>(y[m * stride + c]);
      } else {
        static_cast<int32_t*>(kept.y)[at] = y[m * stride + c];
      }
    }
  }
}

void product_sum_scalar(size_t rows, size_t n, const Products& y, double* sum) {
  for (size_t m = 0; m < rows; ++m) {
    for (size_t c = 0; c < n; ++c) sum[c] += product(y, m, c);
  }
}

void deviation_sum_scalar(size_t rows, size_t n, const Products& y, const float* mu, bool l2,
                          double* sum) {
  for (size_t m = 0; m < rows; ++m) {
    for (size_t c = 0; c < n; ++c) {
      const double d = static_cast<float>(product(y, m, c)) - mu[c];
      sum[c] += l2 ? d * d : std::fabs(d);
    }
  }
}

void normalise_scalar(size_t rows, size_t n, const Products& y, const NormStatistics& norm,
                      const Normalised& out, double* sum) {
  for (size_t m = 0; m < rows; ++m) {
    uint8_t* signs = out.signs + m * out.bit_stride;
    uint8_t* inside = out.inside == nullptr ? nullptr : out.inside + m * out.bit_stride;
    std::memset(signs, 0, out.bytes);
    if (inside != nullptr) std::memset(inside, 0, out.bytes);
    for (size_t c = 0; c < n; ++c) {
      const float xn = (static_cast<float>(product(y, m, c)) - norm.mu[c]) * norm.r[c];
      const float x = xn + norm.beta[c];
      sum[c] += std::fabs(static_cast<double>(x));
      if (out.xn != nullptr) store(out.kept, out.xn, m * out.stride + c, 1, &xn);
      if (out.x != nullptr) out.x[m * out.stride + c] = x;
      signs[c / 8] |= static_cast<uint8_t>((x >= 0) << (c % 8));
      if (inside != nullptr) inside[c / 8] |= static_cast<uint8_t>((std::fabs(x) <= 1) << (c % 8));
    }
  }
}

}  // namespace edgebnn
