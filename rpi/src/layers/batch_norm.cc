#include "layers/batch_norm.h"

#include <cmath>
#include <cstring>

namespace edgebnn {

using Form = Switches::BatchNorm;

BatchNorm::BatchNorm(const Block& block, const BlockBuffers& buffers, const Plan& plan,
                     Format product_format, const Switches& switches, Arena& arena)
    : block_(block),
      buffers_(buffers),
      plan_(plan),
      product_format_(product_format),
      switches_(switches),
      arena_(arena),
      units_(block.units()),
      positions_(block.normed.positions()),
      words_(words_for(block.units())) {}

uint8_t* BatchNorm::sample_of_map(size_t sample) const {
  return arena_.at(plan_.map) + sample * plan_.sample_bytes;
}

const double* BatchNorm::dbeta() const { return arena_.at<double>(buffers_.sums); }

void BatchNorm::forward(size_t samples, bool training) {
  auto* mu = arena_.at<float>(buffers_.omega);  // free until normalise() has used mu
  auto* r = arena_.at<float>(buffers_.reciprocal);
  auto* moving_mu = arena_.at<float>(buffers_.moving_mu);
  auto* moving_psi = arena_.at<float>(buffers_.moving_psi);
  if (training) {
    batch_statistics(samples);  // mu, and psi in the place of r
    for (size_t c = 0; c < units_; ++c) {
      moving_mu[c] = moving_mu[c] * 0.9f + mu[c] * 0.1f;
      moving_psi[c] = moving_psi[c] * 0.9f + r[c] * 0.1f;
    }
  } else {
    std::memcpy(mu, moving_mu, units_ * 4);
    std::memcpy(r, moving_psi, units_ * 4);
  }
  for (size_t c = 0; c < units_; ++c) r[c] = r[c] > 0 ? 1.0f / r[c] : 0.0f;
  normalise(samples, mu);
}

void BatchNorm::batch_statistics(size_t samples) {
  auto* sum = arena_.at<double>(buffers_.sums);
  auto* mu = arena_.at<float>(buffers_.omega);
  auto* psi = arena_.at<float>(buffers_.reciprocal);
  auto* y = arena_.at<float>(plan_.row);
  const auto n = static_cast<double>(samples * positions_);
  const auto each_row = [&](auto&& body) {
    for (size_t b = 0; b < samples; ++b) {
      for (size_t p = 0; p < positions_; ++p) {
        load(product_format_, sample_of_map(b), p * units_, units_, y);
        body();
      }
    }
  };
  std::memset(sum, 0, units_ * 8);
  each_row([&] {
    for (size_t c = 0; c < units_; ++c) sum[c] += static_cast<double>(y[c]);
  });
  for (size_t c = 0; c < units_; ++c) mu[c] = static_cast<float>(sum[c] / n);
  std::memset(sum, 0, units_ * 8);
  if (switches_.batch_norm == Form::l2) {
    each_row([&] {
      for (size_t c = 0; c < units_; ++c) {
        const auto d = static_cast<double>(y[c] - mu[c]);
        sum[c] += d * d;
      }
    });
    for (size_t c = 0; c < units_; ++c) psi[c] = static_cast<float>(std::sqrt(sum[c] / n + 1e-5));
  } else {
    each_row([&] {
      for (size_t c = 0; c < units_; ++c) sum[c] += static_cast<double>(std::fabs(y[c] - mu[c]));
    });
    for (size_t c = 0; c < units_; ++c) psi[c] = static_cast<float>(sum[c] / n);
  }
}

void BatchNorm::normalise(size_t samples, const float* mu) {
  const auto* r = arena_.at<float>(buffers_.reciprocal);
  const auto* beta = arena_.at<float>(buffers_.beta);
  auto* sum = arena_.at<double>(buffers_.sums);
  auto* signs = arena_.at<uint64_t>(buffers_.signs);
  auto* inside = buffers_.inside ? arena_.at<uint64_t>(*buffers_.inside) : nullptr;
  auto* kept = buffers_.normed ? arena_.at<float>(*buffers_.normed) : nullptr;
  auto* logits = block_.last ? arena_.at<float>(plan_.logits) : nullptr;
  auto* x = arena_.at<float>(plan_.row);
  std::memset(sum, 0, units_ * 8);
  for (size_t b = 0; b < samples; ++b) {
    for (size_t p = 0; p < positions_; ++p) {
      const size_t row = b * positions_ + p;
      load(product_format_, sample_of_map(b), p * units_, units_, x);
      for (size_t c = 0; c < units_; ++c) x[c] = (x[c] - mu[c]) * r[c];
      if (kept != nullptr) std::memcpy(kept + row * units_, x, units_ * 4);
      for (size_t c = 0; c < units_; ++c) x[c] += beta[c];
      for (size_t c = 0; c < units_; ++c) sum[c] += static_cast<double>(std::fabs(x[c]));
      std::memset(signs + row * words_, 0, words_ * 8);
      if (inside != nullptr) std::memset(inside + row * words_, 0, words_ * 8);
      for (size_t c = 0; c < units_; ++c) {
        signs[row * words_ + c / 64] |= static_cast<uint64_t>(x[c] >= 0) << (c % 64);
        if (inside != nullptr) {
          inside[row * words_ + c / 64] |= static_cast<uint64_t>(std::fabs(x[c]) <= 1) << (c % 64);
        }
      }
      if (logits != nullptr) std::memcpy(logits + row * units_, x, units_ * 4);
    }
  }
  auto* omega = arena_.at<float>(buffers_.omega);
  const auto n = static_cast<double>(samples * positions_);
  for (size_t c = 0; c < units_; ++c) omega[c] = static_cast<float>(sum[c] / n);
}

void BatchNorm::backward(size_t samples) {
  auto* sum_g = arena_.at<double>(buffers_.sums);
  double* sum_v = sum_g + units_;
  double* sum_vx = sum_v + units_;
  const auto* r = arena_.at<float>(buffers_.reciprocal);
  const auto* omega = arena_.at<float>(buffers_.omega);
  const auto* signs = arena_.at<uint64_t>(buffers_.signs);
  const auto* kept = buffers_.normed ? arena_.at<float>(*buffers_.normed) : nullptr;
  auto* g = arena_.at<float>(plan_.row);
  float* x = g + units_;
  const Form form = switches_.batch_norm;
  // What v is averaged with, and what the average is taken out along.
  const auto load_x = [&](size_t row, bool along) {
    if (form == Form::bnn) {
      for (size_t c = 0; c < units_; ++c)
        x[c] = signs[row * words_ + c / 64] >> (c % 64) & 1 ? 1.0f : -1.0f;
    } else {
      std::memcpy(x, kept + row * units_, units_ * 4);
      if (form == Form::l1 && along) {
        for (size_t c = 0; c < units_; ++c) x[c] = x[c] >= 0 ? 1.0f : -1.0f;
      }
    }
  };
  std::memset(sum_g, 0, 3 * units_ * 8);
  for (size_t b = 0; b < samples; ++b) {
    for (size_t p = 0; p < positions_; ++p) {
      load(switches_.gradients, sample_of_map(b), p * units_, units_, g);
      load_x(b * positions_ + p, false);
      for (size_t c = 0; c < units_; ++c) {
        const auto v = static_cast<double>(g[c] * r[c]);
        sum_g[c] += static_cast<double>(g[c]);
        sum_v[c] += v;
        sum_vx[c] += v * static_cast<double>(x[c]);
      }
    }
  }
  const auto n = static_cast<double>(samples * positions_);
  float* m1 = x + units_;
  float* m2 = m1 + units_;
  for (size_t c = 0; c < units_; ++c) {
    m1[c] = static_cast<float>(sum_v[c] / n);
    m2[c] = static_cast<float>(sum_vx[c] / n);
    if (form == Form::bnn) m2[c] *= omega[c];
    sum_g[c] = static_cast<double>(static_cast<float>(sum_g[c]) / static_cast<float>(samples));
  }
  for (size_t b = 0; b < samples; ++b) {
    for (size_t p = 0; p < positions_; ++p) {
      load(switches_.gradients, sample_of_map(b), p * units_, units_, g);
      load_x(b * positions_ + p, true);
      for (size_t c = 0; c < units_; ++c) g[c] = (g[c] * r[c] - m1[c]) - m2[c] * x[c];
      store(switches_.gradients, sample_of_map(b), p * units_, units_, g);
    }
  }
}

}  // namespace edgebnn
