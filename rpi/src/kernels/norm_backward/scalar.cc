#include <algorithm>
#include <bit>

#include "gradient_map.h"
#include "kernels/norm_backward/norm_backward.h"

namespace edgebnn {
namespace {

float gradient(const GradientRows& rows, size_t m, size_t c) {
  float g = 0;
  load(rows.format, rows.k, m * rows.stride + c, 1, &g);
  if (!shares_exponents(rows.format)) return g;
  return g * power_of_two(rows.e[m * rows.e_stride + (rows.by_channel() ? c : 0)]);
}

float x_of(const NormGradient& in, size_t m, size_t c) {
  if (in.signs.bits != nullptr)
    return in.signs.bits[m * in.signs.stride + c / 8] >> (c % 8) & 1 ? 1.0f : -1.0f;
  float xn;
  load(in.kept, in.xn, m * in.xn_stride + c, 1, &xn);
  return xn;
}

float output_gradient(const NormGradient& in, const NormAverages& averages, size_t m, size_t c) {
  const auto m1 = static_cast<float>(averages.m1[c]), m2 = static_cast<float>(averages.m2[c]);
  float x = x_of(in, m, c);
  if (in.by_sign) x = x >= 0 ? 1.0f : -1.0f;
  return (gradient(in.g, m, c) * in.r[c] - m1) - m2 * x;
}

}  // namespace

void norm_backward_sums_scalar(size_t rows, size_t n, const NormGradient& in, double* sum_g,
                               double* sum_v, double* sum_vx) {
  const bool whole =
      shares_exponents(in.g.format) && in.g.e_stride == 0 && in.signs.bits != nullptr;
  for (size_t c = 0; c < n; ++c) {
    double of_these = 0;  // exact, of one exponent
    for (size_t m = 0; m < rows; ++m) {
      const float g = gradient(in.g, m, c), v = g * in.r[c], x = x_of(in, m, c);
      (whole ? of_these : sum_g[c]) += static_cast<double>(g);
      sum_v[c] += static_cast<double>(v);
      if (!in.by_sums_of_signs()) {
        sum_vx[c] += static_cast<double>(v) * static_cast<double>(x);
      } else if (x >= 0) {
        sum_vx[c] += static_cast<double>(v);
      }
    }
    if (whole) sum_g[c] += of_these;
  }
}

void norm_backward_largest_scalar(size_t rows, size_t n, const NormGradient& in,
                                  const NormAverages& averages, int32_t* top) {
  for (size_t m = 0; m < rows; ++m) {
    for (size_t c = 0; c < n; ++c) {
      const float dy = output_gradient(in, averages, m, c);
      top[c] = std::max(top[c], std::bit_cast<int32_t>(dy) & 0x7FFFFFFF);
    }
  }
}

void norm_backward_store_scalar(size_t rows, size_t n, const NormGradient& in,
                                const NormAverages& averages, const OutputGradientRows& out) {
  for (size_t m = 0; m < rows; ++m) {
    for (size_t c = 0; c < n; ++c) {
      float dy = output_gradient(in, averages, m, c);
      if (out.inverse != nullptr) dy *= out.inverse[c];
      store(out.format, out.k, m * out.stride + c, 1, &dy);
    }
  }
}

}  // namespace edgebnn
