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

[[gnu::always_inline]] inline Floats flipped(const UpdateRule& rule, Floats w, Floats m) {
  const Ints insists = magnitude(m) > rule.tau, same = ~((m >= 0) ^ (w >= 0));
  return (insists & same) != 0 ? -w : w;
}

[[gnu::always_inline]] inline Floats moved(const UpdateRule& rule, Floats w, Floats m, Floats g,
                                           float* v, size_t left) {
  if (rule.move == Move::linear) [[likely]]
    return w - m * rule.rate;
  if (rule.move == Move::flip) return flipped(rule, w, m);
  const Floats second = load(v, left) * rule.keep_v + (g * g) * rule.take_v;
  store(v, second, left);
  return w - (m * rule.rate) / (root(second) + rule.epsilon);
}

// +1 or -1, by bits.
[[gnu::always_inline]] inline Floats signs_of(uint64_t bits) {
  return mask_of(static_cast<uint16_t>(bits)) != 0 ? Floats{} + 1.0f : Floats{} - 1.0f;
}

// Of whole vectors, where the gradients are signs: a rule and formats that are known keep what they
// ask for in registers. Returns how many elements; none, if the rule or a format is another.
template <Move kMove, Format M, Format W>
inline size_t update_by_signs(const UpdateRule& rule, size_t n, uint64_t signs,
                              const StoredRun& momenta, const StoredRun& weights) {
  if (rule.move != kMove || momenta.format != M || weights.format != W) return 0;
  size_t i = 0;
  for (; i + kAtOnce <= n; i += kAtOnce) {
    const auto counted = static_cast<uint32_t>(i);
    const Floats kept = load_stored(M, momenta.array, momenta.first + i, kAtOnce) * rule.keep;
    const Floats m =
        store_stored(M, momenta.array, momenta.first + i, kept + signs_of(signs >> i) * rule.take,
                     kAtOnce, momenta.noise + counted);
    const Floats before = load_stored(W, weights.array, weights.first + i, kAtOnce);
    const Floats w =
        kMove == Move::flip ? flipped(rule, before, m) : clamped(before - m * rule.rate, -1, 1);
    store_stored(W, weights.array, weights.first + i, w, kAtOnce, weights.noise + counted);
  }
  return i;
}

}  // namespace

void EDGEBNN_NAME(weight_update)(const UpdateRule& rule, size_t n, const WeightGradients& gradients,
                                 const StoredRun& momenta, float* v, const StoredRun& weights) {
  size_t i = 0;
  if (gradients.real == nullptr) {  // the presets
    const uint64_t signs = *gradients.signs;
    i = update_by_signs<Move::linear, Format::q15, Format::q15>(rule, n, signs, momenta, weights) +
        update_by_signs<Move::linear, Format::i4_momentum, Format::i8_weight>(rule, n, signs,
                                                                              momenta, weights) +
        update_by_signs<Move::flip, Format::i8_momentum, Format::bit>(rule, n, signs, momenta,
                                                                      weights);
  }
  for (; i < n; i += kAtOnce) {
    const size_t left = n - i;
    const auto counted = static_cast<uint32_t>(i);
    const Floats g = gradients.real != nullptr ? load(gradients.real + i, left)
                                               : signs_of(*gradients.signs >> i);
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
