#include "layers/forward.h"

#include <algorithm>

#include "layers/packed_weights.h"
#include "layers/pool.h"
#include "layers/product.h"

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
  const size_t taps = block_.window.taps();
  count_taps(block_, packed + c.begin * lanes_.words(), c.size(),
             context_.arena.at<int32_t>(*buffers_.tap_counts) + c.begin * taps);
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
  const size_t n = task.c.size(), stride = product_stride(block_, task.c.size());
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
  Arena& arena = context_.arena;
  const size_t taps = block_.window.taps();
  PackedWeights weights{arena.at<uint64_t>(buffers_.packed_forward) +
                        task.c.begin * lanes_.words()};
  if (buffers_.tap_counts)
    weights.tap_counts = arena.at<int32_t>(*buffers_.tap_counts) + task.c.begin * taps;
  multiply_rows(block_, context_.kernels, task.input, weights, {first, first + count},
                task.c.size(), buffers_.input_rows.at<void>(arena, task.part), products);
}

}  // namespace edgebnn
