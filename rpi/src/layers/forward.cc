#include "layers/forward.h"

#include <algorithm>

#include "layers/input_sums.h"
#include "layers/packed_weights.h"
#include "layers/pool.h"
#include "layers/product.h"

namespace edgebnn {

void Forward::run(const ProductInput& input, size_t samples, bool training) {
  const size_t parts = context_.threads.count(), rows = samples * block_.normed.positions();
  const Range all{0, block_.units()};
  const InputRows inputs(context_.kernels, block_, input);
  const auto task_of = [&](size_t part) {
    return Task{inputs, part, {0, rows}, part_of(block_.units(), part, parts, kChannelGrain)};
  };
  const auto each_channels = [&](auto&& body) {
    context_.threads.each([&](size_t part) {
      if (const Task task = task_of(part); task.c.size() > 0) body(task);
    });
  };
  const bool sums_inputs = training && buffers_.sums_inputs;
  const InputSums input_sums(block_, buffers_, context_);
  context_.threads.each([&](size_t part) {
    const Task task = task_of(part);
    if (task.c.size() > 0) prepare_weights(task.c, sums_inputs ? task.c : all);
    if (task.c.size() > 0 && !training) norm_of(task).use_moving();
    norm_of({inputs, part, task.rows, all}).begin();
    if (sums_inputs) input_sums.begin(part);
  });
  const Source again = buffers_.keeps_products ? Source::map : Source::compute;
  const size_t at_once = std::min(rows_at_once(), largest_part(rows, parts));
  context_.threads.share(rows, at_once, [&](size_t part, Range some) {
    if (sums_inputs) return input_sums.add(inputs, part, some);
    const Task task{inputs, part, some, all};
    NormForward norm = norm_of(task);
    if (training) {
      each_rows(task, buffers_.keeps_products ? Source::compute_and_keep : Source::compute,
                [&](size_t, size_t count, const Products& y) { norm.add(count, y); });
    } else {
      each_rows(task, Source::compute, [&](size_t first, size_t count, const Products& y) {
        norm.normalise(first, count, y);
      });
    }
  });
  if (sums_inputs) {  // before any thread computes products in place of its sums
    each_channels([&](const Task& task) {
      input_sums.add_products(samples, task.c, packed_of(task.c), norm_of(task).sums());
    });
  }
  if (training) {
    each_channels([&](const Task& task) {
      NormForward norm = norm_of(task);
      norm.end_mean(rows);
      if (block_.first && !buffers_.keeps_products && !sums_inputs) prepare_weights(task.c, task.c);
      each_rows(task, again,
                [&](size_t, size_t count, const Products& y) { norm.add_deviation(count, y); });
      norm.end_deviation(rows);
      each_rows(task, again, [&](size_t first, size_t count, const Products& y) {
        norm.normalise(first, count, y);
      });
      norm.end(rows);
    });
  }
  if (!block_.pool_after.present) return;
  const auto* signs = context_.arena.at<uint64_t>(buffers_.signs);
  auto* pooled = context_.arena.at<uint64_t>(*buffers_.pooled);
  context_.threads.each(
      [&](size_t part) { pool_signs(block_, signs, pooled, part_of(samples, part, parts)); });
}

NormForward Forward::norm_of(const Task& task) const {
  return {block_, buffers_, context_, task.c, task.part};
}

// Those of channels c, as parts of those that are multiplied together.
void Forward::prepare_weights(Range c, Range together) {
  pack_forward(context_.kernels, block_, buffers_.weight_format,
               context_.arena.at(buffers_.weights), c, together, packed_of({}));
  if (!buffers_.tap_counts) return;
  count_taps(block_, packed_of(c), c.size(),
             context_.arena.at<int32_t>(*buffers_.tap_counts) + c.begin);
}

uint64_t* Forward::packed_of(Range c) const {
  return context_.arena.at<uint64_t>(buffers_.packed_forward) + c.begin * lanes_.words();
}

// Calls body(first, count, y) for the rows of a task, in order, a few at a time.
template <class Body>
void Forward::each_rows(const Task& task, Source source, Body&& body) {
  const size_t at_once = rows_at_once();
  auto* products = buffers_.products.at<int32_t>(context_.arena, task.part);
  const Products computed{Format::i32, products, product_stride(block_, task.c.size())};
  for (size_t first = task.rows.begin; first < task.rows.end;) {
    if (source == Source::map) {
      const auto [y, there] = kept_rows(first, task.c);
      const size_t count = std::min({at_once, there, task.rows.end - first});
      body(first, count, Products{y.format, y.y, y.stride});
      first += count;
      continue;
    }
    const size_t count = std::min(at_once, task.rows.end - first);
    multiply(task, first, count, products);
    if (source == Source::compute_and_keep) keep(first, count, task.c, products);
    body(first, count, computed);
    first += count;
  }
}

// Products in the map from row `first` on, and how many rows lie evenly behind it: a sample's, or
// where a sample has one, all.
std::pair<KeptProducts, size_t> Forward::kept_rows(size_t first, Range c) {
  const size_t positions = block_.normed.positions(), position = first % positions;
  const size_t bytes = bytes_of(buffers_.product_format);
  uint8_t* row =
      context_.gradients.sample(first / positions) + (position * block_.units() + c.begin) * bytes;
  const size_t stride = positions > 1 ? block_.units() : context_.plan.sample_bytes / bytes;
  return {{buffers_.product_format, row, stride}, positions > 1 ? positions - position : SIZE_MAX};
}

void Forward::keep(size_t first, size_t count, Range c, const int32_t* products) {
  for (size_t done = 0; done < count;) {
    const auto [y, there] = kept_rows(first + done, c);
    const size_t some = std::min(there, count - done), stride = product_stride(block_, c.size());
    context_.kernels.keep_products(some, c.size(), products + done * stride, stride, y);
    done += some;
  }
}

// The products of `count` rows of the batch norm, pooled.
void Forward::multiply(const Task& task, size_t first, size_t count, int32_t* products) {
  Arena& arena = context_.arena;
  PackedWeights weights{packed_of(task.c)};
  if (buffers_.tap_counts)
    weights.tap_counts = arena.at<int32_t>(*buffers_.tap_counts) + task.c.begin;
  multiply_rows(block_, context_.kernels, task.input, weights, {first, first + count},
                task.c.size(), buffers_.input_rows.at<void>(arena, task.part), products);
  if (!buffers_.winners) return;
  const size_t bytes = winner_bytes(block_.units());
  context_.kernels.max_pool(
      count, task.c.size(), product_stride(block_, task.c.size()), products, products,
      arena.at(*buffers_.winners) + first * bytes + winner_bytes(task.c.begin), bytes);
}

}  // namespace edgebnn
