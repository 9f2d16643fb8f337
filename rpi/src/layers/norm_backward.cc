#include <cstring>

#include "layers/batch_norm.h"
#include "layers/bits.h"

namespace edgebnn {

using Form = Switches::BatchNorm;

// Calls body(sample, position, g, x) with g = dX' and x what v is averaged with or (`along`) what
// the average is taken out along.
template <class Body>
void NormBackward::each_row(Range c, size_t samples, bool along, Body&& body) {
  const Form form = context_.run.switches.batch_norm;
  const size_t units = block_.units(), words = words_for(units),
               positions = block_.normed.positions();
  const auto* signs = context_.arena.at<uint64_t>(buffers_.signs);
  const auto* kept = buffers_.normed ? context_.arena.at<float>(*buffers_.normed) : nullptr;
  float* g = context_.arena.at<float>(context_.plan.row) + c.begin;
  float* x = g + context_.plan.widest;
  for (size_t row = 0; row < samples * positions; ++row) {
    const size_t sample = row / positions, position = row % positions;
    context_.gradients.load_sample(sample, position, units, c, g);
    if (form == Form::bnn) {
      const uint64_t* bits = signs + row * words;
      each_bit(bits, c.begin, c.end,
               [&](size_t i, uint32_t bit) { x[i - c.begin] = bit != 0 ? 1.0f : -1.0f; });
    } else {
      std::memcpy(x, kept + row * units + c.begin, c.size() * 4);
      for (size_t i = 0; i < c.size() && form == Form::l1 && along; ++i)
        x[i] = x[i] >= 0 ? 1.0f : -1.0f;
    }
    body(sample, position, g, x);
  }
}

// Sums over the rows; then dbeta, m1 and m2 (f32 values) in their places.
void NormBackward::averages(Range c, size_t samples) {
  double* sum_g = context_.arena.at<double>(context_.plan.sums) + c.begin;
  double* sum_v = sum_g + context_.plan.widest;
  double* sum_vx = sum_v + context_.plan.widest;
  const float* r = context_.arena.at<float>(buffers_.reciprocal) + c.begin;
  const float* omega = context_.arena.at<float>(buffers_.omega) + c.begin;
  for (double* sum : {sum_g, sum_v, sum_vx}) std::memset(sum, 0, c.size() * 8);
  each_row(c, samples, false, [&](size_t, size_t, const float* g, const float* x) {
    for (size_t i = 0; i < c.size(); ++i) {
      const auto v = static_cast<double>(g[i] * r[i]);
      sum_g[i] += static_cast<double>(g[i]);
      sum_v[i] += v;
      sum_vx[i] += v * static_cast<double>(x[i]);
    }
  });
  const auto n = static_cast<double>(samples * block_.normed.positions());
  for (size_t i = 0; i < c.size(); ++i) {
    auto m2 = static_cast<float>(sum_vx[i] / n);
    if (context_.run.switches.batch_norm == Form::bnn) m2 *= omega[i];
    sum_g[i] = static_cast<double>(static_cast<float>(sum_g[i]) / static_cast<float>(samples));
    sum_v[i] = static_cast<double>(static_cast<float>(sum_v[i] / n));
    sum_vx[i] = static_cast<double>(m2);
  }
}

// Calls body(sample, position, dY).
template <class Body>
void NormBackward::each_gradient(Range c, size_t samples, Body&& body) {
  const float* r = context_.arena.at<float>(buffers_.reciprocal) + c.begin;
  const double* m1 = context_.arena.at<double>(context_.plan.sums) + context_.plan.widest + c.begin;
  const double* m2 = m1 + context_.plan.widest;
  each_row(c, samples, true, [&](size_t sample, size_t position, float* g, const float* x) {
    for (size_t i = 0; i < c.size(); ++i) {
      g[i] = (g[i] * r[i] - static_cast<float>(m1[i])) - static_cast<float>(m2[i]) * x[i];
    }
    body(sample, position, g);
  });
}

void NormBackward::run(size_t samples) {
  GradientMap& map = context_.gradients;
  const size_t units = block_.units(), parts = context_.threads.count();
  map.begin();
  context_.threads.each([&](size_t part) {
    const Range c = part_of(units, part, parts, kChannelGrain);
    if (c.size() == 0) return;
    averages(c, samples);
    if (!map.shared()) return;
    each_gradient(c, samples, [&](size_t, size_t, const float* dy) { map.note(part, c, dy); });
  });
  map.fix_exponents();
  context_.threads.each([&](size_t part) {
    const Range c = part_of(units, part, parts, kChannelGrain);
    if (c.size() == 0) return;
    each_gradient(c, samples, [&](size_t sample, size_t position, const float* dy) {
      map.store(sample, position, units, c, dy);
    });
  });
}

}  // namespace edgebnn
