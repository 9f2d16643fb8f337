#include "layers/input_gradient.h"

#include <algorithm>
#include <cstring>

#include "layers/pool.h"

namespace edgebnn {

void InputGradient::run(size_t samples) {
  GradientMap& map = context_.gradients;
  const size_t units = below_.units(), size = block_.window.in.size();
  // Each sample is read whole before it is overwritten. Calls body(part, sample, position, row).
  const auto each_position = [&](auto&& body) {
    context_.threads.each([&](size_t part) {
      const Range mine = part_of(samples, part, context_.threads.count());
      auto* dx = buffers_.samples.at<double>(context_.arena, part);
      auto* row = context_.plan.own_row.at<float>(context_.arena, part);
      for (size_t b = mine.begin; b < mine.end; b += buffers_.samples_dx) {
        const Range some{b, std::min(b + buffers_.samples_dx, mine.end)};
        compute(some, part, dx);
        for (size_t sample = some.begin; sample < some.end; ++sample) {
          for (size_t p = 0; p < below_.normed.positions(); ++p) {
            cut(sample, p, dx + (sample - b) * size, row);
            body(part, sample, p, row);
          }
        }
      }
    });
  };
  map.begin();
  if (map.shared()) {
    each_position(
        [&](size_t part, size_t, size_t, const float* row) { map.note(part, {0, units}, row); });
  }
  map.settle();
  each_position([&](size_t, size_t sample, size_t position, const float* row) {
    map.store(sample, position, units, {0, units}, row);
  });
  map.turn();
}

// dX of samples: [samples][in positions][channels].
void InputGradient::compute(Range samples, size_t part, double* dx) const {
  const Window& w = block_.window;
  const size_t units = block_.units(), words = lanes_.words(), positions = w.out.positions();
  const auto channels = static_cast<size_t>(w.in.channels);
  const auto* packed = context_.arena.at<uint64_t>(buffers_.packed_backward);
  auto* g = buffers_.gradients.at<float>(context_.arena, part);
  auto* lanes = buffers_.lanes.at<double>(context_.arena, part);
  std::memset(dx, 0, samples.size() * w.in.size() * 8);
  const size_t rows = samples.size() * positions;
  for (size_t first = 0; first < rows; first += buffers_.rows_dx) {
    const size_t count = std::min(buffers_.rows_dx, rows - first);
    for (size_t m = 0; m < count; ++m) {
      context_.gradients.load(samples.begin + (first + m) / positions, (first + m) % positions,
                              units, {0, units}, g + m * units);
    }
    std::memset(lanes, 0, count * words * 64 * 8);
    context_.kernels.real_binary(count, units, words, g, packed, lanes);
    for (size_t m = 0; m < count; ++m) {
      double* sample = dx + (first + m) / positions * w.in.size();
      for (size_t tap = 0; tap < w.taps(); ++tap) {
        const ptrdiff_t to = input_position(w, (first + m) % positions, tap);
        if (to < 0) continue;
        const double* from = lanes + (m * words + tap * lanes_.words_per_group) * 64;
        double* out = sample + static_cast<size_t>(to) * channels;
        for (size_t c = 0; c < channels; ++c) out[c] += from[c];
      }
    }
  }
}

// A position's dX' of the block below: spread over its pool's winners, cut where the kept bit says.
void InputGradient::cut(size_t sample, size_t p, const double* dx, float* row) const {
  const size_t units = below_.units(), words = words_for(units);
  const size_t at = (sample * below_.normed.positions() + p) * words;
  const uint64_t* inside =
      buffers_below_.inside ? context_.arena.at<uint64_t>(*buffers_below_.inside) + at : nullptr;
  if (below_.pool_after.present) {
    const auto* signs = context_.arena.at<uint64_t>(buffers_below_.signs);
    const auto width = static_cast<size_t>(below_.normed.width);
    const auto pooled_width = static_cast<size_t>(below_.out.width);
    const size_t y = p / width, x = p % width;
    const bool read = y / 2 < static_cast<size_t>(below_.out.height) && x / 2 < pooled_width;
    const size_t from = y / 2 * pooled_width + x / 2, place = y % 2 * 2 + x % 2;
    for (size_t c = 0; c < units; ++c) {
      const bool wins = read && winning_sign(below_, signs, sample, from, c) == place;
      row[c] = wins ? static_cast<float>(dx[from * units + c]) : 0.0f;
    }
  } else {
    for (size_t c = 0; c < units; ++c) row[c] = static_cast<float>(dx[p * units + c]);
  }
  for (size_t c = 0; c < units && inside != nullptr; ++c) {
    if ((inside[c / 64] >> (c % 64) & 1) == 0) row[c] = 0.0f;
  }
}

}  // namespace edgebnn
