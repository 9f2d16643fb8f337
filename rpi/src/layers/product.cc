#include "layers/product.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace edgebnn {

Product::Product(const Block& block, const BlockBuffers& buffers, const Plan& plan,
                 Format product_format, const Switches& switches, const Kernels& kernels,
                 Arena& arena)
    : block_(block),
      buffers_(buffers),
      plan_(plan),
      product_format_(product_format),
      switches_(switches),
      kernels_(kernels),
      arena_(arena),
      lanes_(lanes_of(block)) {}

ptrdiff_t Product::input_position(size_t position, size_t tap) const {
  const Window& w = block_.window;
  const ptrdiff_t y =
      static_cast<ptrdiff_t>(position / w.out.width * w.stride + tap / w.width) - w.pad_top;
  const ptrdiff_t x =
      static_cast<ptrdiff_t>(position % w.out.width * w.stride + tap % w.width) - w.pad_left;
  if (y < 0 || x < 0 || y >= w.in.height || x >= w.in.width) return -1;
  return y * w.in.width + x;
}

// W^ with a unit's inputs side by side: [units][words].
void Product::pack_weights(uint64_t* packed) const {
  const size_t units = block_.units(), words = lanes_.words();
  std::memset(packed, 0, units * words * 8);
  const void* weights = arena_.at(buffers_.weights);
  auto* row = arena_.at<float>(plan_.row);
  for (size_t i = 0; i < block_.fan_in(); ++i) {
    const size_t in_group = i % lanes_.per_group;
    const size_t word = i / lanes_.per_group * lanes_.words_per_group + in_group / 64;
    load(switches_.weights, weights, i * units, units, row);
    for (size_t o = 0; o < units; ++o) {
      packed[o * words + word] |= static_cast<uint64_t>(row[o] >= 0) << (in_group % 64);
    }
  }
}

void Product::integer_row(const ProductInput& input, size_t row, size_t first_lane, size_t lanes,
                          int16_t* out) const {
  const Window& w = block_.window;
  const size_t sample = row / w.out.positions(), position = row % w.out.positions();
  const auto channels = static_cast<size_t>(w.in.channels);
  const uint8_t* image = input.images + sample * w.in.size();
  const size_t end = std::min(first_lane + lanes, block_.fan_in());
  std::fill(out, out + lanes, int16_t{0});
  for (size_t i = first_lane; i < end;) {
    // Runs of inputs that lie side by side in the image: a tap's channels, or all of a dense layer.
    const size_t tap = i / channels, channel = i % channels;
    const ptrdiff_t from = input_position(position, tap);
    const size_t run = std::min(w.whole() ? end - i : channels - channel, end - i);
    if (from >= 0) {
      const uint8_t* pixels = image + static_cast<size_t>(from) * channels + channel;
      for (size_t k = 0; k < run; ++k)
        out[i - first_lane + k] = static_cast<int16_t>(2 * pixels[k] - 255);
    }
    i += run;
  }
}

void Product::binary_row(const ProductInput& input, size_t row, uint64_t* out) const {
  for (size_t word = 0; word < lanes_.words(); ++word) out[word] = binary_word(input, row, word);
}

uint64_t Product::binary_word(const ProductInput& input, size_t row, size_t word) const {
  const Window& w = block_.window;
  const size_t sample = row / w.out.positions(), position = row % w.out.positions();
  const ptrdiff_t from = input_position(position, word / lanes_.words_per_group);
  if (from < 0) return 0;
  const size_t at = sample * w.in.positions() + static_cast<size_t>(from);
  return input.bits[at * lanes_.words_per_group + word % lanes_.words_per_group];
}

void Product::forward(const ProductInput& input, size_t samples) {
  const Window& w = block_.window;
  const size_t units = block_.units(), words = lanes_.words(), positions = w.out.positions();
  const size_t rows = samples * positions;
  auto* packed = arena_.at<uint64_t>(buffers_.packed_forward);
  pack_weights(packed);
  if (buffers_.tap_counts) {
    auto* counts = arena_.at<int32_t>(*buffers_.tap_counts);
    const size_t taps = w.taps(), per_tap = words / taps;
    for (size_t o = 0; o < units && !block_.first; ++o) {
      for (size_t tap = 0; tap < taps; ++tap) {
        int32_t count = 0;
        for (size_t k = 0; k < per_tap; ++k)
          count += std::popcount(packed[o * words + tap * per_tap + k]);
        counts[o * taps + tap] = count;
      }
    }
  }
  auto* products = arena_.at<int32_t>(buffers_.products);
  auto* y_row = arena_.at<float>(plan_.row);
  uint8_t* map = arena_.at(plan_.map);
  for (size_t first = 0; first < rows; first += buffers_.rows_forward) {
    const size_t count = std::min(buffers_.rows_forward, rows - first);
    if (block_.first) {
      auto* in = arena_.at<int16_t>(buffers_.input_rows);
      for (size_t m = 0; m < count; ++m)
        integer_row(input, first + m, 0, words * 64, in + m * words * 64);
      kernels_.integer_binary(count, units, words, in, packed, products);
    } else {
      auto* in = arena_.at<uint64_t>(buffers_.input_rows);
      for (size_t m = 0; m < count; ++m) binary_row(input, first + m, in + m * words);
      kernels_.binary_binary(count, units, words, static_cast<int32_t>(block_.fan_in()), in, packed,
                             products);
    }
    for (size_t m = 0; m < count; ++m) {
      const size_t row = first + m;
      int32_t* y = products + m * units;
      if (buffers_.tap_counts && !block_.first) correct_border(row, y);
      for (size_t o = 0; o < units; ++o) y_row[o] = static_cast<float>(y[o]);
      store(product_format_, map + row / positions * plan_.sample_bytes, row % positions * units,
            units, y_row);
    }
  }
}

// A tap in the padding was counted as -1 · W^: takes channels - 2·(+1 weights) out again.
void Product::correct_border(size_t row, int32_t* y) const {
  const auto* counts = arena_.at<int32_t>(*buffers_.tap_counts);
  const size_t taps = block_.window.taps(), position = row % block_.window.out.positions();
  for (size_t tap = 0; tap < taps; ++tap) {
    if (input_position(position, tap) >= 0) continue;
    for (size_t o = 0; o < block_.units(); ++o)
      y[o] -= block_.window.in.channels - 2 * counts[o * taps + tap];
  }
}

void Product::gradient_row(size_t row, float* out) const {
  const size_t positions = block_.window.out.positions();
  load(switches_.gradients, arena_.at(plan_.map) + row / positions * plan_.sample_bytes,
       row % positions * block_.units(), block_.units(), out);
}

void Product::weight_gradient(const ProductInput& input, size_t samples) {
  const size_t units = block_.units(), rows = samples * block_.window.out.positions();
  auto* g = arena_.at<float>(buffers_.gradient_rows);
  auto* sums = arena_.at<double>(buffers_.accumulator);
  double* border = nullptr;
  if (buffers_.border && !block_.first) {
    border = arena_.at<double>(*buffers_.border);
    std::memset(border, 0, block_.window.taps() * units * 8);
  }
  for (size_t word = 0; word < lanes_.words(); ++word) {
    std::memset(sums, 0, 64 * units * 8);
    for (size_t first = 0; first < rows; first += buffers_.rows_dw) {
      const size_t count = std::min(buffers_.rows_dw, rows - first);
      // Rows stay loaded where all of them fit at once.
      if (word == 0 || count < rows) {
        for (size_t m = 0; m < count; ++m) gradient_row(first + m, g + m * units);
      }
      if (block_.first) {
        auto* column = arena_.at<int16_t>(buffers_.column);
        for (size_t m = 0; m < count; ++m)
          integer_row(input, first + m, word * 64, 64, column + m * 64);
        kernels_.integer_real(count, units, 64, column, g, sums);
      } else {
        auto* column = arena_.at<uint64_t>(buffers_.column);
        for (size_t m = 0; m < count; ++m) column[m] = binary_word(input, first + m, word);
        if (border != nullptr && word == 0) add_border(first, count, g, border);
        kernels_.binary_real(count, units, column, g, sums);
      }
    }
    if (border != nullptr) {
      const double* correction = border + word / lanes_.words_per_group * units;
      for (size_t i = 0; i < 64 * units; ++i) sums[i] += correction[i % units];
    }
    finish_column(word, sums, samples);
  }
}

// Rows whose tap lies in the padding were counted as -1 · g: their g, to be added again.
void Product::add_border(size_t first_row, size_t rows, const float* g, double* border) const {
  const size_t units = block_.units(), positions = block_.window.out.positions();
  for (size_t m = 0; m < rows; ++m) {
    for (size_t tap = 0; tap < block_.window.taps(); ++tap) {
      if (input_position((first_row + m) % positions, tap) >= 0) continue;
      for (size_t o = 0; o < units; ++o)
        border[tap * units + o] += static_cast<double>(g[m * units + o]);
    }
  }
}

// dW of the inputs of one word, as the optimiser reads it: index input·units + unit.
void Product::finish_column(size_t word, double* sums, size_t samples) {
  const size_t units = block_.units();
  const size_t group = word / lanes_.words_per_group, lane = word % lanes_.words_per_group * 64;
  const size_t inputs = std::min<size_t>(64, lanes_.per_group - lane);
  size_t j = (group * lanes_.per_group + lane) * units;
  if (switches_.binary_weight_gradient) {
    auto* bits = arena_.at<uint64_t>(buffers_.dw);
    if (word == 0) std::memset(bits, 0, words_for(block_.weights()) * 8);
    for (size_t i = 0; i < inputs * units; ++i, ++j) {
      // By way of float32, as a dW of magnitude below its range has the sign of +0.
      bits[j / 64] |= static_cast<uint64_t>(static_cast<float>(sums[i]) >= 0) << (j % 64);
    }
  } else {
    auto* dw = arena_.at<float>(buffers_.dw);
    const auto batch = static_cast<float>(samples);
    for (size_t i = 0; i < inputs * units; ++i, ++j) dw[j] = static_cast<float>(sums[i]) / batch;
  }
}

void Product::begin_input_gradient() {
  pack_weights(arena_.at<uint64_t>(buffers_.packed_backward));
}

const double* Product::input_gradient(size_t sample) {
  const Window& w = block_.window;
  const size_t units = block_.units(), words = lanes_.words(), positions = w.out.positions();
  const auto channels = static_cast<size_t>(w.in.channels);
  const auto* packed = arena_.at<uint64_t>(buffers_.packed_backward);
  auto* g = arena_.at<float>(buffers_.gradient_rows);
  auto* lanes = arena_.at<double>(*buffers_.lanes);
  auto* dx = arena_.at<double>(buffers_.sample);
  std::memset(dx, 0, w.in.size() * 8);
  for (size_t first = 0; first < positions; first += buffers_.rows_dx) {
    const size_t count = std::min(buffers_.rows_dx, positions - first);
    for (size_t m = 0; m < count; ++m) gradient_row(sample * positions + first + m, g + m * units);
    std::memset(lanes, 0, count * words * 64 * 8);
    kernels_.real_binary(count, units, words, g, packed, lanes);
    for (size_t m = 0; m < count; ++m) {
      for (size_t tap = 0; tap < w.taps(); ++tap) {
        const ptrdiff_t to = input_position(first + m, tap);
        if (to < 0) continue;
        const double* from = lanes + (m * words + tap * lanes_.words_per_group) * 64;
        double* out = dx + static_cast<size_t>(to) * channels;
        for (size_t c = 0; c < channels; ++c) out[c] += from[c];
      }
    }
  }
  return dx;
}

}  // namespace edgebnn
