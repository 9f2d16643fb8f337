#include <cmath>
#include <cstring>

#include "layers/batch_norm.h"
#include "threshold.h"

namespace edgebnn {

NormForward::NormForward(const Block& block, const BlockBuffers& buffers, const Context& context,
                         Range c, size_t part)
    : context_(context),
      buffers_(buffers),
      kernels_(context.kernels),
      c_(c),
      units_(block.units()),
      words_(words_for(units_)) {
  Arena& arena = context.arena;
  l2_ = context.run.switches.batch_norm == Switches::BatchNorm::l2;
  sum_ = buffers.sums.at<double>(arena, part) + c.begin;
  mu_ = arena.at<float>(buffers.omega) + c.begin;
  r_ = arena.at<float>(buffers.reciprocal) + c.begin;
  beta_ = arena.at<float>(buffers.beta) + c.begin;
  moving_mu_ = arena.at<float>(buffers.moving_mu) + c.begin;
  moving_psi_ = arena.at<float>(buffers.moving_psi) + c.begin;
  signs_ = arena.at<uint64_t>(buffers.signs);
  inside_ = buffers.inside ? arena.at<uint64_t>(*buffers.inside) : nullptr;
  kept_ = context.run.switches.activations;
  xn_ = buffers.normed ? arena.at<uint8_t>(*buffers.normed) : nullptr;
  logits_ = block.last ? arena.at<float>(context.plan.logits) + c.begin : nullptr;
}

void NormForward::begin() { std::memset(sum_, 0, c_.size() * 8); }

void NormForward::end_mean(size_t rows) {
  for (size_t i = 0; i < c_.size(); ++i) {
    double sum = 0;
    for (size_t part = 0; part < context_.threads.count(); ++part)
      sum += buffers_.sums.at<double>(context_.arena, part)[c_.begin + i];
    mu_[i] = static_cast<float>(sum / static_cast<double>(rows));
  }
  begin();
}

void NormForward::end_deviation(size_t rows) {
  for (size_t i = 0; i < c_.size(); ++i) {
    const double mean = sum_[i] / static_cast<double>(rows);
    const auto psi = static_cast<float>(l2_ ? std::sqrt(mean + 1e-5) : mean);
    moving_mu_[i] = moving_mu_[i] * 0.9f + mu_[i] * 0.1f;
    moving_psi_[i] = moving_psi_[i] * 0.9f + psi * 0.1f;
    r_[i] = psi > 0 ? 1.0f / psi : 0.0f;
  }
  begin();
}

void NormForward::use_moving() {
  std::memcpy(mu_, moving_mu_, c_.size() * 4);
  for (size_t i = 0; i < c_.size(); ++i) r_[i] = reciprocal_of(moving_psi_[i]);
}

// Byte by byte, as a word of bits may be shared with another thread; who has the last channels
// clears what follows them.
void NormForward::normalise(size_t first, size_t rows, const Products& y) {
  const size_t last = c_.end == units_ ? words_ * 8 : c_.end / 8;
  const auto bits = [&](uint64_t* of) {
    return of == nullptr ? nullptr : reinterpret_cast<uint8_t*>(of + first * words_) + c_.begin / 8;
  };
  kernels_.normalise(
      rows, c_.size(), y, {mu_, r_, beta_},
      {.signs = bits(signs_),
       .inside = bits(inside_),
       .bit_stride = words_ * 8,
       .bytes = last - c_.begin / 8,
       .xn = xn_ == nullptr ? nullptr : xn_ + bytes_for(kept_, first * units_ + c_.begin),
       .kept = kept_,
       .x = logits_ == nullptr ? nullptr : logits_ + first * units_,
       .stride = units_},
      sum_);
}

void NormForward::end(size_t rows) {
  float* omega = mu_;
  for (size_t i = 0; i < c_.size(); ++i)
    omega[i] = static_cast<float>(sum_[i] / static_cast<double>(rows));
}

}  // namespace edgebnn
