#include <cstring>
#include <type_traits>

#include "layers/weight_gradient.h"

namespace edgebnn {

std::optional<WeightSlice> WeightGradient::slice_of(const Tile& tile, size_t lane) const {
  const size_t per_group = lanes_.words_per_group * 64;
  const size_t at = tile.words.begin * 64 + lane, in_group = at % per_group;
  if (lane >= tile.lanes() || in_group >= lanes_.per_group) return std::nullopt;
  return WeightSlice{at / per_group * lanes_.per_group + in_group, tile.units};
}

void WeightGradient::move(const Task& task, const Tile& tile, size_t lane,
                          const WeightGradients& g) const {
  constexpr size_t kAhead = 16;
  if (const auto soon = slice_of(tile, lane + kAhead)) prefetch(task.matrix, *soon);
  if (const auto slice = slice_of(tile, lane))
    update_weights(context_.kernels, task.matrix, *slice, g);
}

// transpose_bits has left lane 32w + j at j·words + w; of signs, the other way round.
template <class S>
void WeightGradient::move_by_signs(const Task& task, const Tile& tile, const S* sums) const {
  const size_t lanes = tile.lanes(), words = lanes / 32, n = tile.units.size();
  alignas(64) uint32_t signs[kUnitsAtOnce * kTileWords * 2];
  std::memset(signs, 0, sizeof signs);
  context_.kernels.sum_signs(n, lanes, std::is_same_v<S, double>, sums, lanes,
                             reinterpret_cast<uint8_t*>(signs), words * 4);
  uint32_t* upper = signs + 32 * words;
  context_.kernels.transpose_bits(words, signs);
  context_.kernels.transpose_bits(words, upper);
  for (size_t lane = 0; lane < lanes; ++lane) {
    const size_t place = lane % 32 * words + lane / 32, at = place % 32 * words + place / 32;
    const uint64_t units = signs[at] | static_cast<uint64_t>(upper[at]) << 32;
    move(task, tile, lane, {nullptr, &units});
  }
}

template <class S>
void WeightGradient::move_by_values(const Task& task, const Tile& tile, const S* sums) const {
  const size_t lanes = tile.lanes(), words = lanes / 32;
  float g[kUnitsAtOnce];
  for (size_t lane = 0; lane < lanes; ++lane) {
    real_gradient(task, tile, sums + lane % 32 * words + lane / 32, lanes, g);
    move(task, tile, lane, {g, nullptr});
  }
}

// sums: [64][apart].
void WeightGradient::move_first(const Task& task, const Tile& tile, size_t apart,
                                const double* sums) const {
  uint64_t signs[64] = {};
  float g[kUnitsAtOnce];
  const bool binary = context_.run.switches.binary_weight_gradient;
  if (binary)
    context_.kernels.sum_signs(64, tile.units.size(), true, sums, apart,
                               reinterpret_cast<uint8_t*>(signs), 8);
  for (size_t lane = 0; lane < 64; ++lane) {
    if (!binary) real_gradient(task, tile, sums + lane * apart, 1, g);
    move(task, tile, lane, {binary ? nullptr : g, &signs[lane]});
  }
}

template <class S>
void WeightGradient::real_gradient(const Task& task, const Tile& tile, const S* sums, size_t apart,
                                   float* g) const {
  const auto batch = static_cast<float>(task.samples);
  const GradientMap& map = context_.gradients;
  for (size_t o = 0; o < tile.units.size(); ++o) {
    float sum = static_cast<float>(sums[o * apart]);
    if (map.shared()) sum *= map.unit(tile.units.begin + o);
    g[o] = sum / batch;
  }
}

template <class S>
void WeightGradient::move_by_sums(const Task& task, const Tile& tile, size_t apart,
                                  const S* sums) const {
  if constexpr (std::is_same_v<S, double>) {
    if (block_.first) return move_first(task, tile, apart, sums);
  }
  if (context_.run.switches.binary_weight_gradient) {
    move_by_signs(task, tile, sums);
  } else {
    move_by_values(task, tile, sums);
  }
}

template void WeightGradient::move_by_sums(const Task&, const Tile&, size_t, const int32_t*) const;
template void WeightGradient::move_by_sums(const Task&, const Tile&, size_t, const double*) const;

}  // namespace edgebnn
