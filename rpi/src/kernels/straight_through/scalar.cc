#include <algorithm>
#include <bit>

#include "gradient_map.h"
#include "kernels/straight_through/straight_through.h"

namespace edgebnn {
namespace {

template <class S>
float gradient(const InputGradientSums& sums, size_t m, size_t c) {
  if (sums.kept.bits != nullptr) {
    const uint8_t* row = sums.kept.bits + m * sums.kept.stride;
    if ((row[c / 8] >> (c % 8) & 1) == 0) return 0;
  }
  return static_cast<float>(static_cast<const S*>(sums.s)[m * sums.stride + c]) * sums.unit;
}

}  // namespace

void straight_through_largest_scalar(size_t rows, size_t n, const InputGradientSums& sums,
                                     int32_t* top) {
  for (size_t m = 0; m < rows; ++m) {
    for (size_t c = 0; c < n; ++c) {
      const float x = gradient<int32_t>(sums, m, c);
      top[c] = std::max(top[c], std::bit_cast<int32_t>(x) & 0x7FFFFFFF);
    }
  }
}

void straight_through_store_scalar(size_t rows, size_t n, const InputGradientSums& sums,
                                   const GradientRowsOut& out) {
  const bool shared = shares_exponents(out.format);
  for (size_t m = 0; m < rows; ++m) {
    for (size_t c = 0; c < n; ++c) {
      float x = shared ? gradient<int32_t>(sums, m, c) : gradient<double>(sums, m, c);
      if (shared) x *= power_of_two(-out.e[out.by_channel() ? c : 0]);
      store(out.format, out.k, m * out.stride + c, 1, &x);
    }
  }
}

}  // namespace edgebnn
