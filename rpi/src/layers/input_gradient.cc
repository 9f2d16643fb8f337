#include "layers/input_gradient.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "layers/bits.h"
#include "layers/input_rows.h"
#include "layers/pool.h"

namespace edgebnn {

void InputGradient::run(size_t samples) {
  if (context_.gradients.shared()) {
    run_as<int16_t, int32_t>(samples);
  } else {
    run_as<float, double>(samples);
  }
}

// Each sample is read whole before it is overwritten.
template <class G, class S>
void InputGradient::run_as(size_t samples) {
  context_.threads.each([&](size_t part) {
    const Range mine = part_of(samples, part, context_.threads.count());
    auto* dx = buffers_.samples.at<S>(context_.arena, part);
    for (size_t b = mine.begin; b < mine.end; b += buffers_.samples_dx) {
      const Range some{b, std::min(b + buffers_.samples_dx, mine.end)};
      compute<G, S>(some, part, dx);
      for (size_t sample = some.begin; sample < some.end; ++sample)
        replace(sample, part, dx + (sample - b) * block_.window.in.size());
    }
  });
}

// dX of samples: [samples][in positions][channels].
template <class G, class S>
void InputGradient::compute(Range samples, size_t part, S* dx) const {
  const Window& w = block_.window;
  const GradientMap& map = context_.gradients;
  const size_t units = block_.units(), terms = terms_for(units), positions = w.out.positions();
  const size_t lanes = lanes_.words() * 64, channels = static_cast<size_t>(w.in.channels);
  const auto* packed = context_.arena.at<uint32_t>(buffers_.packed_backward);
  auto* g = buffers_.gradients.at<G>(context_.arena, part);
  auto* sums = buffers_.lanes.at<S>(context_.arena, part);
  std::memset(dx, 0, samples.size() * w.in.size() * sizeof(S));
  std::memset(g, 0, buffers_.rows_dx * terms * sizeof(G));
  const size_t rows = samples.size() * positions;
  for (size_t first = 0; first < rows; first += buffers_.rows_dx) {
    const size_t count = std::min(buffers_.rows_dx, rows - first);
    std::memset(sums, 0, count * lanes * sizeof(S));
    for (size_t m = 0; m < count; ++m) {
      const size_t sample = samples.begin + (first + m) / positions;
      const size_t position = (first + m) % positions;
      if constexpr (std::is_same_v<G, float>) {
        map.load(sample, position, units, {0, units}, g + m * terms);
      } else {
        map.load_aligned(sample, position, units, g + m * terms);
      }
    }
    if constexpr (std::is_same_v<G, float>) {
      context_.kernels.real_binary(count, terms, lanes, g, packed, sums);
    } else {
      context_.kernels.short_binary(count, terms, lanes, g, packed, sums);
    }
    for (size_t m = 0; m < count; ++m) {
      S* sample = dx + (first + m) / positions * w.in.size();
      for (size_t tap = 0; tap < w.taps(); ++tap) {
        const ptrdiff_t to = input_position(w, (first + m) % positions, tap);
        if (to < 0) continue;
        const S* from = sums + m * lanes + tap * lanes_.words_per_group * 64;
        S* out = sample + static_cast<size_t>(to) * channels;
        for (size_t c = 0; c < channels; ++c) out[c] += from[c];
      }
    }
  }
}

// dX' of a sample into the map.
template <class S>
void InputGradient::replace(size_t sample, size_t part, const S* dx) const {
  GradientMap& map = context_.gradients;
  const size_t units = below_.units(), positions = below_.normed.positions();
  auto* row = context_.plan.own_row.at<float>(context_.arena, part);
  const float unit = map.shared() ? map.aligned_unit() : 1.0f;
  if (map.shared()) {
    map.begin_sample(part);
    for (size_t p = 0; p < positions; ++p) {
      cut(sample, p, dx, unit, row);
      map.note(part, {0, units}, row);
    }
    map.settle_sample(part, sample);
  }
  for (size_t p = 0; p < positions; ++p) {
    cut(sample, p, dx, unit, row);
    map.store_sample(sample, p, units, {0, units}, row);
  }
}

// A position's dX' of the block below: spread over its pool's winners, cut where the kept bit says.
template <class S>
void InputGradient::cut(size_t sample, size_t p, const S* dx, float unit, float* row) const {
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
      row[c] = wins ? static_cast<float>(dx[from * units + c]) * unit : 0.0f;
    }
  } else {
    for (size_t c = 0; c < units; ++c) row[c] = static_cast<float>(dx[p * units + c]) * unit;
  }
  if (inside == nullptr) return;
  each_bit(inside, 0, units, [&](size_t c, uint32_t bit) { row[c] = bit != 0 ? row[c] : 0.0f; });
}

}  // namespace edgebnn
