#include "kernels/vector.h"

#include "kernels/vector_storage.h"
#include "kernels/weight_update/weight_update.h"

namespace edgebnn {
namespace {

using Move = UpdateRule::Move;

[[gnu::always_inline]] inline Floats root(Floats x) {
  for (size_t i = 0; i < kAtOnce; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
}

[[gnu::always_inline]] inline Floats moved(const UpdateRule& rule, Floats w, Floats m, Floats g,
                                           float* v, size_t left) {
  if (rule.move == Move::linear) [[likely]]
    return w - m * rule.rate;
  if (rule.move == Move::flip) {
    const Ints insists = magnitude(m) > rule.tau, same = ~((m >= 0) ^ (w >= 0));
    return (insists & same) != 0 ? -w : w;
  }
  const Floats second = load(v, left) * rule.keep_v + (g * g) * rule.take_v;
  store(v, second, left);
  return w - (m * rule.rate) / (root(second) + rule.epsilon);
}

}  // namespace

void EDGEBNN_NAME(weight_update)(const UpdateRule& rule, size_t n, const WeightGradients& gradients,
                                 const StoredRun& momenta, float* v, const StoredRun& weights) {
  for (size_t i = 0; i < n; i += kAtOnce) {
    const size_t left = n - i;
    const auto counted = static_cast<uint32_t>(i);
    Floats g;
    if (gradients.real != nullptr) {
      g = load(gradients.real + i, left);
    } else {
      const Ints mask = mask_of(static_cast<uint16_t>(*gradients.signs >> i));
      g = mask != 0 ? Floats{} + 1.0f : Floats{} - 1.0f;
    }
    Floats m = load_stored(momenta.format, momenta.array, momenta.first + i, left);
    m = store_stored(momenta.format, momenta.array, momenta.first + i,
                     m * rule.keep + g * rule.take, left, momenta.noise + counted);
    Floats w = load_stored(weights.format, weights.array, weights.first + i, left);
    w = moved(rule, w, m, g, rule.move == Move::adaptive ? v + i : nullptr, left);
    store_stored(weights.format, weights.array, weights.first + i, clamped(w, -1, 1), left,
                 weights.noise + counted);
  }
}

}  // namespace edgebnn
