#include "layers/weight_gradient.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace edgebnn {
namespace {

// to: [rows][n] of [rows][apart], as from.
template <class S>
void add_rows(size_t rows, size_t n, size_t apart, const S* from, S* to) {
  for (; rows > 0; --rows, from += apart, to += apart) {
    for (size_t i = 0; i < n; ++i) to[i] += from[i];
  }
}

}  // namespace

void WeightGradient::run(const ProductInput& input, size_t samples) {
  if (!context_.gradients.shared()) {
    run<float, double>(input, samples);
  } else if (block_.first) {
    run<int16_t, double>(input, samples);
  } else if (context_.gradients.in_bytes()) {
    run<int8_t, int32_t>(input, samples);
  } else {
    run<int16_t, int32_t>(input, samples);
  }
}

template <class G, class S>
void WeightGradient::run(const ProductInput& input, size_t samples) {
  const size_t groups = (block_.units() + buffers_.tile_units - 1) / buffers_.tile_units;
  const size_t tiles = groups * buffers_.tiles_across, row_parts = buffers_.row_parts;
  const Range rows{0, samples * block_.window.out.positions()};
  const auto each_task = [&](auto&& body) {
    context_.threads.each([&](size_t part) {
      body(Task{InputRows(context_.kernels, block_, input), samples, part, rows,
                optimizer_.matrix(layer_, block_, buffers_, context_.arena)});
    });
  };
  if (row_parts == 1) {
    return each_task([&](const Task& task) {
      this->tiles<G, S>(task, part_of(tiles, task.part, context_.threads.count()));
    });
  }
  // Of a tile's threads, each sums some rows, and then moves the weights of some units.
  const auto sums_of = [&](size_t part) {
    return buffers_.accumulator.at<S>(context_.arena, part);
  };
  each_task([&](Task task) {
    if (task.part >= tiles * row_parts) return;
    const size_t k = task.part % row_parts;
    const Tile tile = tile_of(task.part / row_parts);
    task.rows = part_of(rows.size(), k, row_parts, 32);
    accumulate<G>(task, tile, sums_of(task.part));
    if (!buffers_.border || k > 0) return;
    auto* border = buffers_.border->at<double>(context_.arena, task.part);
    border_of<G>(task, tile.units, border);
    add_border(tile, border, sums_of(task.part));
  });
  each_task([&](const Task& task) {
    if (task.part >= tiles * row_parts) return;
    const size_t k = task.part % row_parts, first = task.part - k;
    Tile tile = tile_of(task.part / row_parts);
    const size_t apart = tile.units.size(), lanes = tile.lanes();
    const Range some = part_of(apart, k, row_parts, kChannelGrain);
    S* const sums = sums_of(first) + (block_.first ? some.begin : some.begin * lanes);
    for (size_t other = first + 1; other < first + row_parts; ++other) {
      const S* from = sums_of(other) + (sums - sums_of(first));
      if (block_.first) {
        add_rows(lanes, some.size(), apart, from, sums);
      } else {
        add_rows(some.size(), lanes, lanes, from, sums);
      }
    }
    tile.units = {tile.units.begin + some.begin, tile.units.begin + some.end};
    if (some.size() > 0) move_by_sums(task, tile, apart, sums);
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
  auto* sums = buffers_.accumulator.at<S>(arena, task.part);
  for (size_t number = numbers.begin; number < numbers.end; ++number) {
    const Tile tile = tile_of(number);
    accumulate<G>(task, tile, sums);
    if (border != nullptr) {
      if (number == numbers.begin || tile.words.begin == 0) border_of<G>(task, tile.units, border);
      add_border(tile, border, sums);
    }
    move_by_sums(task, tile, tile.units.size(), sums);
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

// Shorts are summed in float64 in the first block alone, whose inputs are no signs.
template <class G, class S>
void WeightGradient::accumulate(const Task& task, const Tile& tile, S* sums) const {
  if constexpr (std::is_same_v<S, double>) {
    if (block_.first) return accumulate_first<G>(task, tile, sums);
  }
  if constexpr (!(std::is_same_v<G, int16_t> && std::is_same_v<S, double>))
    accumulate_signs<G>(task, tile, sums);
}

// sums: [units][lanes].
template <class G, class S>
void WeightGradient::accumulate_signs(const Task& task, const Tile& tile, S* sums) const {
  const size_t n = tile.units.size();
  auto* columns = buffers_.gradients_dw.at<G>(context_.arena, task.part);
  auto* bits = buffers_.input_columns.at<uint32_t>(context_.arena, task.part);
  const SumRows<S> at{sums, tile.lanes()};
  std::memset(sums, 0, n * tile.lanes() * sizeof(S));
  for (size_t first = task.rows.begin; first < task.rows.end; first += buffers_.rows_dw) {
    const size_t count = std::min(buffers_.rows_dw, task.rows.end - first),
                 terms = terms_for(count);
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
  for (size_t first = task.rows.begin; first < task.rows.end; first += buffers_.rows_dw) {
    const size_t count = std::min(buffers_.rows_dw, task.rows.end - first);
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

}  // namespace edgebnn
