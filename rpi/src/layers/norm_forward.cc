#include <cmath>
#include <cstring>

#include "layers/batch_norm.h"
#include "threshold.h"

namespace edgebnn {

NormForward::NormForward(const Block& block, const BlockBuffers& buffers, const Context& context,
                         Range c)
    : c_(c), units_(block.units()), words_(words_for(units_)) {
  Arena& arena = context.arena;
  l2_ = context.run.switches.batch_norm == Switches::BatchNorm::l2;
  sum_ = arena.at<double>(context.plan.sums) + c.begin;
  mu_ = arena.at<float>(buffers.omega) + c.begin;
  r_ = arena.at<float>(buffers.reciprocal) + c.begin;
  beta_ = arena.at<float>(buffers.beta) + c.begin;
  moving_mu_ = arena.at<float>(buffers.moving_mu) + c.begin;
  moving_psi_ = arena.at<float>(buffers.moving_psi) + c.begin;
  signs_ = arena.at<uint64_t>(buffers.signs);
  inside_ = buffers.inside ? arena.at<uint64_t>(*buffers.inside) : nullptr;
  kept_ = buffers.normed ? arena.at<float>(*buffers.normed) + c.begin : nullptr;
  logits_ = block.last ? arena.at<float>(context.plan.logits) + c.begin : nullptr;
  std::memset(sum_, 0, c.size() * 8);
}

void NormForward::add(const float* y) {
  for (size_t i = 0; i < c_.size(); ++i) sum_[i] += static_cast<double>(y[i]);
}

void NormForward::end_mean(size_t rows) {
  for (size_t i = 0; i < c_.size(); ++i)
    mu_[i] = static_cast<float>(sum_[i] / static_cast<double>(rows));
  std::memset(sum_, 0, c_.size() * 8);
}

void NormForward::add_deviation(const float* y) {
  if (l2_) {
    for (size_t i = 0; i < c_.size(); ++i) {
      const auto d = static_cast<double>(y[i] - mu_[i]);
      sum_[i] += d * d;
    }
  } else {
    for (size_t i = 0; i < c_.size(); ++i) sum_[i] += static_cast<double>(std::fabs(y[i] - mu_[i]));
  }
}

void NormForward::end_deviation(size_t rows) {
  for (size_t i = 0; i < c_.size(); ++i) {
    const double mean = sum_[i] / static_cast<double>(rows);
    const auto psi = static_cast<float>(l2_ ? std::sqrt(mean + 1e-5) : mean);
    moving_mu_[i] = moving_mu_[i] * 0.9f + mu_[i] * 0.1f;
    moving_psi_[i] = moving_psi_[i] * 0.9f + psi * 0.1f;
    r_[i] = psi > 0 ? 1.0f / psi : 0.0f;
  }
  std::memset(sum_, 0, c_.size() * 8);
}

void NormForward::use_moving() {
  std::memcpy(mu_, moving_mu_, c_.size() * 4);
  for (size_t i = 0; i < c_.size(); ++i) r_[i] = reciprocal_of(moving_psi_[i]);
  std::memset(sum_, 0, c_.size() * 8);
}

void NormForward::normalise(size_t row, float* x) {
  const size_t n = c_.size();
  for (size_t i = 0; i < n; ++i) x[i] = (x[i] - mu_[i]) * r_[i];
  if (kept_ != nullptr) std::memcpy(kept_ + row * units_, x, n * 4);
  for (size_t i = 0; i < n; ++i) x[i] += beta_[i];
  for (size_t i = 0; i < n; ++i) sum_[i] += static_cast<double>(std::fabs(x[i]));
  if (logits_ != nullptr) std::memcpy(logits_ + row * units_, x, n * 4);
  // Byte by byte, as a word may be shared with another thread; who has the last channels clears
  // what follows them.
  const size_t first = c_.begin / 8, last = c_.end == units_ ? words_ * 8 : c_.end / 8;
  auto* signs = reinterpret_cast<uint8_t*>(signs_ + row * words_);
  auto* inside = inside_ ? reinterpret_cast<uint8_t*>(inside_ + row * words_) : nullptr;
  for (size_t byte = first; byte < last; ++byte) {
    unsigned positive = 0, within = 0;
    for (size_t bit = 0; bit < 8 && (byte - first) * 8 + bit < n; ++bit) {
      const float value = x[(byte - first) * 8 + bit];
      positive |= static_cast<unsigned>(value >= 0) << bit;
      within |= static_cast<unsigned>(std::fabs(value) <= 1) << bit;
    }
    signs[byte] = static_cast<uint8_t>(positive);
    if (inside != nullptr) inside[byte] = static_cast<uint8_t>(within);
  }
}

void NormForward::end(size_t rows) {
  float* omega = mu_;
  for (size_t i = 0; i < c_.size(); ++i)
    omega[i] = static_cast<float>(sum_[i] / static_cast<double>(rows));
}

}  // namespace edgebnn
