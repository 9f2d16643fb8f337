#include "layers/weight_gradient.h"

#include <algorithm>
#include <cstring>

namespace edgebnn {

void WeightGradient::run(const ProductInput& input, size_t samples) {
  const size_t words = lanes_.words(), parts = context_.threads.count();
  if (!block_.first) {
    auto* packed = context_.arena.at<uint64_t>(buffers_.packed_backward);
    context_.threads.each([&](size_t part) {
      const Range units = part_of(block_.units(), part, parts, 8);
      if (units.size() == 0) return;
      pack_weights(block_, context_.run.stored_weights(), context_.arena.at(buffers_.weights),
                   units, context_.arena.at<float>(context_.plan.row), packed);
    });
  }
  // A piece is a word of inputs and a group of units, group by group.
  const size_t groups = (block_.units() + kUnitsAtOnce - 1) / kUnitsAtOnce;
  context_.threads.each([&](size_t part) {
    const Task task{InputRows(block_, input), samples, part};
    const Range pieces = part_of(groups * words, part, parts);
    auto* sums = buffers_.accumulator.at<double>(context_.arena, part);
    double* border = buffers_.border ? buffers_.border->at<double>(context_.arena, part) : nullptr;
    for (size_t piece = pieces.begin; piece < pieces.end; ++piece) {
      const Range units = units_of(piece / words);
      const size_t word = piece % words;
      if (border != nullptr && (piece == pieces.begin || word == 0)) border_of(task, units, border);
      accumulate(task, units, word, sums);
      if (border != nullptr) {
        const double* missing = border + word / lanes_.words_per_group * units.size();
        for (size_t i = 0; i < 64 * units.size(); ++i) sums[i] += missing[i % units.size()];
      }
      update(task, units, word, sums);
    }
  });
}

Range WeightGradient::units_of(size_t group) const {
  return {group * kUnitsAtOnce, std::min((group + 1) * kUnitsAtOnce, block_.units())};
}

void WeightGradient::load_rows(Range units, size_t first, size_t count, float* g) const {
  const size_t positions = block_.window.out.positions();
  for (size_t m = 0; m < count; ++m) {
    context_.gradients.load((first + m) / positions, (first + m) % positions, block_.units(), units,
                            g + m * units.size());
  }
}

void WeightGradient::accumulate(const Task& task, Range units, size_t word, double* sums) const {
  const size_t rows = task.samples * block_.window.out.positions();
  auto* g = buffers_.gradient_rows.at<float>(context_.arena, task.part);
  std::memset(sums, 0, 64 * units.size() * 8);
  for (size_t first = 0; first < rows; first += buffers_.rows_dw) {
    const size_t count = std::min(buffers_.rows_dw, rows - first);
    load_rows(units, first, count, g);
    if (block_.first) {
      auto* column = buffers_.column.at<int16_t>(context_.arena, task.part);
      for (size_t m = 0; m < count; ++m)
        task.input.integers(first + m, word * 64, 64, column + m * 64);
      context_.kernels.integer_real(count, units.size(), 64, column, g, sums);
    } else {
      auto* column = buffers_.column.at<uint64_t>(context_.arena, task.part);
      for (size_t m = 0; m < count; ++m) column[m] = task.input.word(first + m, word);
      context_.kernels.binary_real(count, units.size(), column, g, sums);
    }
  }
}

// Rows whose tap lies in the padding are counted as -1 · g: their g, to be added again.
// border: [taps][units].
void WeightGradient::border_of(const Task& task, Range units, double* border) const {
  const size_t positions = block_.window.out.positions(), rows = task.samples * positions;
  const size_t taps = block_.window.taps(), n = units.size();
  auto* g = buffers_.gradient_rows.at<float>(context_.arena, task.part);
  std::memset(border, 0, taps * n * 8);
  for (size_t first = 0; first < rows; first += buffers_.rows_dw) {
    const size_t count = std::min(buffers_.rows_dw, rows - first);
    load_rows(units, first, count, g);
    for (size_t m = 0; m < count; ++m) {
      for (size_t tap = 0; tap < taps; ++tap) {
        if (input_position(block_.window, (first + m) % positions, tap) >= 0) continue;
        for (size_t o = 0; o < n; ++o) border[tap * n + o] += static_cast<double>(g[m * n + o]);
      }
    }
  }
}

// The sums are rounded to float32 first: a dW of magnitude below its range has the sign of +0.
void WeightGradient::update(const Task& task, Range units, size_t word, const double* sums) const {
  const size_t group = word / lanes_.words_per_group, lane = word % lanes_.words_per_group * 64;
  const size_t inputs = std::min<size_t>(64, lanes_.per_group - lane), n = units.size();
  const bool binary = context_.run.switches.binary_weight_gradient;
  const auto batch = static_cast<float>(task.samples);
  float g[kUnitsAtOnce];
  for (size_t i = 0; i < inputs; ++i) {
    for (size_t o = 0; o < n; ++o) {
      const auto sum = static_cast<float>(sums[i * n + o]);
      g[o] = !binary ? sum / batch : sum >= 0 ? 1.0f : -1.0f;
    }
    optimizer_.update_weights(
        {block_, buffers_, layer_, group * lanes_.per_group + lane + i, units}, g, context_.arena);
  }
}

}  // namespace edgebnn
