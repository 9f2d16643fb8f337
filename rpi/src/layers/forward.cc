#include "layers/forward.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "layers/packed_weights.h"
#include "layers/pool.h"

namespace edgebnn {

void Forward::run(const ProductInput& input, size_t samples, bool training) {
  const size_t parts = context_.threads.count();
  context_.threads.each([&](size_t part) {
    const Range c = part_of(block_.units(), part, parts, kChannelGrain);
    if (c.size() > 0) channels({InputRows(block_, input), samples, part, c}, training);
  });
  if (!block_.pool_after.present) return;
  const auto* signs = context_.arena.at<uint64_t>(buffers_.signs);
  auto* pooled = context_.arena.at<uint64_t>(*buffers_.pooled);
  context_.threads.each(
      [&](size_t part) { pool_signs(block_, signs, pooled, part_of(samples, part, parts)); });
}

void Forward::channels(const Task& task, bool training) {
  prepare_weights(task.c);
  const size_t rows = task.samples * block_.normed.positions();
  const Source again = buffers_.keeps_products ? Source::map : Source::compute;
  NormForward norm(block_, buffers_, context_, task.c);
  if (training) {
    each_row(task, buffers_.keeps_products ? Source::compute_and_keep : Source::compute,
             [&](size_t, const float* y) { norm.add(y); });
    norm.end_mean(rows);
    each_row(task, again, [&](size_t, const float* y) { norm.add_deviation(y); });
    norm.end_deviation(rows);
  } else {
    norm.use_moving();
  }
  each_row(task, training ? again : Source::compute,
           [&](size_t row, float* y) { norm.normalise(row, y); });
  norm.end(rows);
}

void Forward::prepare_weights(Range c) {
  auto* packed = context_.arena.at<uint64_t>(buffers_.packed_forward);
  pack_forward(block_, context_.run.stored_weights(), context_.arena.at(buffers_.weights), c,
               packed);
  if (!buffers_.tap_counts) return;
  auto* counts = context_.arena.at<int32_t>(*buffers_.tap_counts);
  const size_t taps = block_.window.taps(), per_tap = lanes_.words_per_group;
  for (size_t o = c.begin; o < c.end; ++o) {
    const uint64_t* unit =
        packed + o / kUnitsTogether * lanes_.words() * kUnitsTogether + o % kUnitsTogether;
    for (size_t tap = 0; tap < taps; ++tap) {
      int32_t count = 0;
      for (size_t k = 0; k < per_tap; ++k)
        count += std::popcount(unit[(tap * per_tap + k) * kUnitsTogether]);
      counts[o * taps + tap] = count;
    }
  }
}

// Calls body(row, y) for every row that the batch norm sees, in order; y: [c.size()].
template <class Body>
void Forward::each_row(const Task& task, Source source, Body&& body) {
  const size_t positions = block_.normed.positions(), rows = task.samples * positions;
  float* y = context_.arena.at<float>(context_.plan.row) + task.c.begin;
  if (source == Source::map) {
    for (size_t row = 0; row < rows; ++row) {
      kept_row(row, task.c, y, false);
      body(row, y);
    }
    return;
  }
  const size_t n = task.c.size(), stride = product_stride(task.c);
  const size_t per_row = block_.pool_before.present ? 4 : 1;
  const size_t at_once = buffers_.rows_forward / per_row;
  auto* products = buffers_.products.at<int32_t>(context_.arena, task.part);
  uint8_t* winners = buffers_.winners ? context_.arena.at(*buffers_.winners) : nullptr;
  for (size_t first = 0; first < rows; first += at_once) {
    const size_t count = std::min(at_once, rows - first);
    multiply(task, first, count, products);
    for (size_t m = 0; m < count; ++m) {
      const int32_t* product = products + m * per_row * stride;
      if (winners != nullptr) {
        pool_products(
            n, stride, product, y,
            winners + (first + m) * winner_bytes(block_.units()) + winner_bytes(task.c.begin));
      } else {
        for (size_t i = 0; i < n; ++i) y[i] = static_cast<float>(product[i]);
      }
      if (source == Source::compute_and_keep) kept_row(first + m, task.c, y, true);
      body(first + m, y);
    }
  }
}

void Forward::kept_row(size_t row, Range c, float* y, bool store_it) {
  const size_t positions = block_.normed.positions();
  uint8_t* map = context_.gradients.sample(row / positions);
  const size_t first = row % positions * block_.units() + c.begin;
  if (store_it) {
    store(buffers_.product_format, map, first, c.size(), y);
  } else {
    load(buffers_.product_format, map, first, c.size(), y);
  }
}

// The products of `count` rows of the batch norm; before a pool, four each.
void Forward::multiply(const Task& task, size_t first, size_t count, int32_t* products) {
  const Window& w = block_.window;
  const size_t words = lanes_.words(), n = task.c.size(), normed = block_.normed.positions();
  const size_t per_row = block_.pool_before.present ? 4 : 1;
  const auto product_row = [&](size_t i) {
    const size_t row = first + i / per_row;
    if (per_row == 1) return row;
    return row / normed * w.out.positions() +
           window_position(row % normed, i % per_row, w.out.width, block_.normed.width);
  };
  const auto* packed = context_.arena.at<uint64_t>(buffers_.packed_forward);
  if (block_.first) {
    const size_t terms = words * 64, stride = product_stride(task.c);
    auto* in = buffers_.input_rows.at<int16_t>(context_.arena, task.part);
    for (size_t i = 0; i < count * per_row; ++i)
      task.input.integers(product_row(i), 0, terms, in + i * terms);
    std::memset(products, 0, count * per_row * stride * 4);
    const auto* bits = reinterpret_cast<const uint32_t*>(packed) + task.c.begin * words * 2;
    context_.kernels.short_binary(count * per_row, terms, stride, in, bits, products);
    return;
  }
  auto* in = buffers_.input_rows.at<uint64_t>(context_.arena, task.part);
  for (size_t i = 0; i < count * per_row; ++i)
    task.input.words(product_row(i), 0, words, in + i * words);
  context_.kernels.binary_binary(count * per_row, n, words, static_cast<int32_t>(block_.fan_in()),
                                 in, packed + task.c.begin * words, products);
  for (size_t i = 0; i < count * per_row && buffers_.tap_counts; ++i)
    correct_border(product_row(i) % w.out.positions(), task.c, products + i * n);
}

// A tap in the padding was counted as -1 · W^: takes channels - 2·(+1 weights) out again.
void Forward::correct_border(size_t position, Range c, int32_t* y) const {
  const auto* counts = context_.arena.at<int32_t>(*buffers_.tap_counts);
  const size_t taps = block_.window.taps();
  for (size_t tap = 0; tap < taps; ++tap) {
    if (input_position(block_.window, position, tap) >= 0) continue;
    for (size_t o = c.begin; o < c.end; ++o)
      y[o - c.begin] -= block_.window.in.channels - 2 * counts[o * taps + tap];
  }
}

}  // namespace edgebnn
