#include <algorithm>
#include <cstring>

#include "layers/batch_norm.h"

namespace edgebnn {

using Form = Switches::BatchNorm;

namespace {
constexpr size_t kBytesAtOnce = 16 * 1024;  // of gradients: they stay near the core
}

// Calls body(count, in, map rows) for `rows` of the map that lie evenly, a few at a time and in
// order.
template <class Body>
void NormBackward::each_rows(Range c, Range rows, Body&& body) {
  // A frozen norm's own part is 0 times a sign.
  const Form form = block_.frozen ? Form::bnn : context_.run.switches.batch_norm;
  const GradientMap& map = context_.gradients;
  const size_t units = block_.units(), words = words_for(units), bytes = bytes_of(map.format());
  // The same for any split of the channels: as many integers are added up before they are float64.
  const size_t at_once = std::max<size_t>(1, kBytesAtOnce / (units * bytes));
  const auto* signs = context_.arena.at<uint64_t>(buffers_.signs);
  const Format kept = context_.run.switches.activations;
  const auto* xn = buffers_.normed ? context_.arena.at<uint8_t>(*buffers_.normed) : nullptr;
  NormGradient in{};
  in.r = context_.arena.at<float>(buffers_.reciprocal) + c.begin;
  in.xn_stride = units;
  in.kept = kept;
  in.by_sign = form != Form::l2;
  in.sums_by_sign = form == Form::bnn_xn;
  for (size_t row = rows.begin; row < rows.end;) {
    const auto [g, there] = map.rows(row, block_.normed, c);
    const size_t count = std::min({at_once, there, rows.end - row});
    in.g = {g.format, g.k, g.stride, g.e, g.e_stride};
    if (form == Form::bnn) {
      in.signs = {reinterpret_cast<const uint8_t*>(signs + row * words) + c.begin / 8, words * 8};
    } else {
      in.xn = xn + bytes_for(kept, row * units + c.begin);
    }
    body(count, in, g);
    row += count;
  }
}

// Sums over the rows; then dbeta, m1 and m2 (f32 values) in their places.
void NormBackward::averages(Range c, size_t samples) {
  double* sum_g = context_.arena.at<double>(context_.plan.sums) + c.begin;
  double* sum_v = sum_g + context_.plan.widest;
  double* sum_vx = sum_v + context_.plan.widest;
  const float* omega = context_.arena.at<float>(buffers_.omega) + c.begin;
  for (double* sum : {sum_g, sum_v, sum_vx}) std::memset(sum, 0, c.size() * 8);
  if (block_.frozen) return;  // its mean and deviation are constants
  bool by_signs = false;
  each_rows(c, {0, samples * block_.normed.positions()},
            [&](size_t rows, const NormGradient& in, const auto&) {
              context_.kernels.norm_backward_sums(rows, c.size(), in, sum_g, sum_v, sum_vx);
              by_signs = in.by_sums_of_signs();
            });
  const auto n = static_cast<double>(samples * block_.normed.positions());
  for (size_t i = 0; i < c.size(); ++i) {
    const double vx = by_signs ? 2 * sum_vx[i] - sum_v[i] : sum_vx[i];
    auto m2 = static_cast<float>(vx / n);
    if (context_.run.switches.batch_norm == Form::bnn) m2 *= omega[i];
    sum_g[i] = static_cast<double>(static_cast<float>(sum_g[i]) / static_cast<float>(samples));
    sum_v[i] = static_cast<double>(static_cast<float>(sum_v[i] / n));
    sum_vx[i] = static_cast<double>(m2);
  }
}

void NormBackward::run(size_t samples) {
  GradientMap& map = context_.gradients;
  const size_t parts = context_.threads.count();
  const Range all{0, block_.units()}, rows{0, samples * block_.normed.positions()};
  const auto averages_of = [&](Range c) {
    const double* m1 =
        context_.arena.at<double>(context_.plan.sums) + context_.plan.widest + c.begin;
    return NormAverages{m1, m1 + context_.plan.widest};
  };
  map.begin();
  context_.threads.each([&](size_t part) {
    const Range c = part_of(block_.units(), part, parts, kChannelGrain);
    if (c.size() == 0) return;
    averages(c, samples);
    if (!map.shared()) return;
    each_rows(c, rows, [&](size_t count, const NormGradient& in, const auto&) {
      context_.kernels.norm_backward_largest(count, c.size(), in, averages_of(c),
                                             map.largest(part) + c.begin);
    });
  });
  map.fix_exponents();
  // By rows: threads that shared those would write to the same lines of their caches.
  context_.threads.each([&](size_t part) {
    each_rows(all, part_of(rows.size(), part, parts),
              [&](size_t count, const NormGradient& in, const GradientRowsOut& g) {
                const OutputGradientRows out{g.format, g.k, g.stride, map.inverse_units(all)};
                context_.kernels.norm_backward_store(count, all.size(), in, averages_of(all), out);
              });
  });
}

}  // namespace edgebnn
