#include <algorithm>
#include <cmath>

#include "kernels/weight_update/weight_update.h"
#include "storage.h"

namespace edgebnn {
namespace {

float moved(const UpdateRule& rule, float w, float m, float g, float* v, size_t i) {
  using Move = UpdateRule::Move;
  if (rule.move == Move::linear) return w - rule.rate * m;
  if (rule.move == Move::flip) {
    const bool same = (m >= 0) == (w >= 0);
    return std::fabs(m) > rule.tau && same ? -w : w;
  }
  v[i] = v[i] * rule.keep_v + (g * g) * rule.take_v;
  return w - (rule.rate * m) / (std::sqrt(v[i]) + rule.epsilon);
}

}  // namespace

void weight_update_scalar(const UpdateRule& rule, size_t n, const WeightGradients& g,
                          const StoredRun& m, float* v, const StoredRun& w) {
  for (size_t i = 0; i < n; ++i) {
    const float own = g.real != nullptr ? g.real[i] : *g.signs >> i & 1 ? 1.0f : -1.0f;
    float momentum, weight;
    load(m.format, m.array, m.first + i, 1, &momentum);
    momentum = momentum * rule.keep + own * rule.take;
    store(m.format, m.array, m.first + i, 1, &momentum, m.noise + static_cast<uint32_t>(i));
    load(m.format, m.array, m.first + i, 1, &momentum);
    load(w.format, w.array, w.first + i, 1, &weight);
    weight = std::clamp(moved(rule, weight, momentum, own, v, i), -1.0f, 1.0f);
    store(w.format, w.array, w.first + i, 1, &weight, w.noise + static_cast<uint32_t>(i));
  }
}

}  // namespace edgebnn
