#include "layers/weight_gradient.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace edgebnn {
void WeightGradient::run(const ProductInput& input, size_t samples) {
  const size_t parts = context_.threads.count();
  const size_t groups = (block_.units() + buffers_.tile_units - 1) / buffers_.tile_units;
  context_.threads.each([&](size_t part) {
    const Task task{InputRows(context_.kernels, block_, input), samples, part,
                    samples * block_.window.out.positions(),
                    optimizer_.matrix(layer_, block_, buffers_, context_.arena)};
    const Range numbers = part_of(groups * buffers_.tiles_across, part, parts);
    if (context_.gradients.in_bytes() && !block_.first) {
      tiles<int8_t, int32_t>(task, numbers);
    } else if (context_.gradients.shared()) {
      tiles<int16_t, int32_t>(task, numbers);
    } else {
      tiles<float, double>(task, numbers);
    }
  });
}

// Group of units by group, inputs within.
WeightGradient::Tile WeightGradient::tile_of(size_t number) const {
  const size_t unit = number / buffers_.tiles_across * buffers_.tile_units;
  const size_t word = number % buffers_.tiles_across * buffers_.tile_words;
  return {{unit, std::min(unit + buffers_.tile_units, block_.units())},
          {word, std::min(word + buffers_.tile_words, lanes_.words())}};
}

template <class G, class S>
void WeightGradient::tiles(const Task& task, Range numbers) {
  Arena& arena = context_.arena;
  double* border = buffers_.border ? buffers_.border->at<double>(arena, task.part) : nullptr;
  for (size_t number = numbers.begin; number < numbers.end; ++number) {
    const Tile tile = tile_of(number);
    if constexpr (!std::is_same_v<G, int8_t>) {
      if (block_.first) {
        auto* sums = buffers_.accumulator.at<double>(arena, task.part);
        accumulate_first<G>(task, tile, sums);
        move_first(task, tile, sums);
        continue;
      }
    }
    auto* sums = buffers_.accumulator.at<S>(arena, task.part);
    accumulate<G>(task, tile, sums);
    if (border != nullptr) {
      if (number == numbers.begin || tile.words.begin == 0) border_of<G>(task, tile.units, border);
      add_border(tile, border, sums);
    }
    if (context_.run.switches.binary_weight_gradient) {
      move_by_signs(task, tile, sums);
    } else {
      move_by_values(task, tile, sums);
    }
  }
}

// dY of rows, [count][units].
template <class G>
void WeightGradient::load_rows(Range units, size_t first, size_t count, G* g) const {
  const size_t n = units.size();
  for (size_t done = 0; done < count;) {
    const auto [rows, there] = context_.gradients.rows(first + done, block_.window.out, units);
    const size_t some = std::min(there, count - done);
    context_.kernels.widen_rows(some, n, rows.format, rows.k, rows.stride, nullptr, g + done * n,
                                n);
    done += some;
  }
}

// dY of rows, a column a unit: [units][stride], zero from `count` on.
template <class G>
void WeightGradient::load_columns(Range units, size_t first, size_t count, size_t stride,
                                  G* columns) const {
  const GradientMap& map = context_.gradients;
  const uint8_t* row = nullptr;
  size_t apart = 0;
  for (size_t m = 0, run = 0; m < stride; m += kColumnRows) {
    const void* rows[kColumnRows] = {};
    for (size_t j = 0; j < kColumnRows && m + j < count; ++j, row += apart, --run) {
      if (run == 0) {
        const auto [lying, there] = map.rows(first + m + j, block_.window.out, units);
        row = static_cast<const uint8_t*>(lying.k);
        apart = lying.stride * bytes_of(map.format());
        run = there;
      }
      rows[j] = row;
    }
    context_.kernels.widen_columns(units.size(), map.format(), rows, columns + m, stride);
  }
}

// sums: [units][lanes].
template <class G, class S>
void WeightGradient::accumulate(const Task& task, const Tile& tile, S* sums) const {
  const size_t n = tile.units.size();
  auto* columns = buffers_.gradients_dw.at<G>(context_.arena, task.part);
  auto* bits = buffers_.input_columns.at<uint32_t>(context_.arena, task.part);
  const SumRows<S> at{sums, tile.lanes()};
  std::memset(sums, 0, n * tile.lanes() * sizeof(S));
  for (size_t first = 0; first < task.rows; first += buffers_.rows_dw) {
    const size_t count = std::min(buffers_.rows_dw, task.rows - first), terms = terms_for(count);
    load_columns(tile.units, first, count, terms, columns);
    gather(task, tile, first, count, bits);
    if constexpr (std::is_same_v<G, int8_t>) {
      context_.kernels.byte_binary(n, terms, tile.lanes(), columns, nullptr, bits, at);
    } else if constexpr (std::is_same_v<G, float>) {
      context_.kernels.real_binary(n, terms, tile.lanes(), columns, bits, at);
    } else {
      context_.kernels.short_binary(n, terms, tile.lanes(), columns, bits, at);
    }
  }
}

// Signs of a tile's inputs, bits over rows: [rows/32][lanes].
void WeightGradient::gather(const Task& task, const Tile& tile, size_t first, size_t count,
                            uint32_t* bits) const {
  const size_t words = tile.words.size();
  Place place = place_of(block_.window.out, first);
  for (size_t m = 0; m < count; m += 32, bits += tile.lanes()) {
    auto* rows = reinterpret_cast<uint64_t*>(bits);
    const size_t there = std::min(count - m, size_t{32});
    task.input.words(place, there, tile.words, words, rows);
    std::fill(rows + there * words, rows + 32 * words, uint64_t{0});
    context_.kernels.transpose_bits(words * 2, bits);
  }
}

// sums: [64][units].
template <class G>
void WeightGradient::accumulate_first(const Task& task, const Tile& tile, double* sums) const {
  const size_t n = tile.units.size();
  auto* g = buffers_.gradients_dw.at<G>(context_.arena, task.part);
  auto* pixels = buffers_.input_columns.at<int16_t>(context_.arena, task.part);
  const size_t first_input = tile.words.begin * 64;
  const size_t inputs = std::min<size_t>(64, (block_.fan_in() - first_input + 7) / 8 * 8);
  std::memset(sums, 0, 64 * n * sizeof(double));
  for (size_t first = 0; first < task.rows; first += buffers_.rows_dw) {
    const size_t count = std::min(buffers_.rows_dw, task.rows - first);
    load_rows(tile.units, first, count, g);
    Place place = place_of(block_.window.out, first);
    task.input.integers(place, count, {first_input, first_input + inputs}, 64, pixels);
    if constexpr (std::is_same_v<G, float>) {
      context_.kernels.integer_real(count, inputs, n, pixels, g, sums);
    } else {
      context_.kernels.integer_integer(count, inputs, n, pixels, g, sums);
    }
  }
}

// Rows whose tap lies in the padding are counted as -1 · g: their g, to be added again.
// border: [taps][units].
template <class G>
void WeightGradient::border_of(const Task& task, Range units, double* border) const {
  const Shape& out = block_.window.out;
  const size_t positions = out.positions(), n = units.size();
  std::conditional_t<std::is_same_v<G, float>, float, int16_t> g[kUnitsAtOnce];
  double sum[kUnitsAtOnce];
  std::memset(border, 0, block_.window.taps() * n * 8);
  Place place{};
  for (size_t position = 0; position < positions; ++position, advance(place, out)) {
    if (Taps(block_.window, place).all(block_.window)) continue;
    std::fill(sum, sum + n, 0.0);
    for (size_t b = 0; b < task.samples; ++b) {
      load_rows(units, b * positions + position, 1, g);
      for (size_t o = 0; o < n; ++o) sum[o] += static_cast<double>(g[o]);
    }
    each_tap_outside(block_.window, place, [&](size_t tap) {
      for (size_t o = 0; o < n; ++o) border[tap * n + o] += sum[o];
    });
  }
}

// transpose_bits has left lane 32w + j at j·words + w.
template <class S>
void WeightGradient::add_border(const Tile& tile, const double* border, S* sums) const {
  const size_t n = tile.units.size(), words = tile.lanes() / 32;
  S missing[kTileWords * 2];
  for (size_t o = 0; o < n; ++o, sums += tile.lanes()) {
    for (size_t w = 0; w < words; ++w) {
      const size_t tap = (tile.words.begin + w / 2) / lanes_.words_per_group;
      missing[w] = static_cast<S>(border[tap * n + o]);
    }
    for (size_t j = 0; j < 32; ++j) {
      for (size_t w = 0; w < words; ++w) sums[j * words + w] += missing[w];
    }
  }
}

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

// sums: [64][units].
void WeightGradient::move_first(const Task& task, const Tile& tile, const double* sums) const {
  const size_t n = tile.units.size();
  uint64_t signs[64] = {};
  float g[kUnitsAtOnce];
  const bool binary = context_.run.switches.binary_weight_gradient;
  if (binary)
    context_.kernels.sum_signs(64, n, true, sums, n, reinterpret_cast<uint8_t*>(signs), 8);
  for (size_t lane = 0; lane < 64; ++lane) {
    if (!binary) real_gradient(task, tile, sums + lane * n, 1, g);
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

}  // namespace edgebnn
