#include "plan.h"

#include <algorithm>

namespace edgebnn {
namespace {

constexpr size_t kScratch = 64 * 1024;  // bytes that a block of rows may take: stays in L2

size_t rows_within(size_t bytes_per_row, size_t most) {
  return std::clamp<size_t>(kScratch / std::max<size_t>(bytes_per_row, 1), 1,
                            std::max<size_t>(most, 1));
}

// Y is an integer of at most fan_in, times 255 in the first layer.
Format product_format(const Block& block) {
  return block.fan_in() * (block.first ? 255 : 1) <= 32767 ? Format::i16 : Format::i32;
}

}  // namespace

Lanes lanes_of(const Block& block) {
  if (block.first) return {1, block.fan_in(), words_for(block.fan_in())};
  const auto channels = static_cast<size_t>(block.window.in.channels);
  return {block.window.taps(), channels, words_for(channels)};
}

Plan make_plan(const RunFile& run, const Network& network, Arena& arena) {
  const Switches& switches = run.switches;
  const auto batch = static_cast<size_t>(run.batch_size);
  const int count = static_cast<int>(network.blocks.size());
  const Life always{0, 2 * count};
  Plan plan;

  size_t widest = 0, sample_bytes = 0;
  for (const Block& block : network.blocks) {
    plan.product_format.push_back(product_format(block));
    const size_t gradient = bytes_of(switches.gradients),
                 product = bytes_of(plan.product_format.back());
    sample_bytes = std::max(sample_bytes, block.window.out.size() * std::max(gradient, product));
    widest = std::max<size_t>(widest, block.units());
  }
  plan.sample_bytes = (sample_bytes + 63) / 64 * 64;
  plan.images = arena.add("images", "u8", batch * network.input.size(), always);
  plan.labels = arena.add("labels", "i32", batch * 4, {0, count});
  plan.map = arena.add("Y, dX, dY", std::string(name_of(switches.gradients)),
                       batch * plan.sample_bytes, always);
  plan.logits = arena.add("logits", "f32", batch * network.classes() * 4, {count - 1, count});
  plan.row = arena.add("rows of a map", "f32", 4 * widest * 4, always);

  for (int l = 0; l < count; ++l) {
    const Block& block = network.blocks[l];
    const size_t units = block.units(), weights = block.weights(),
                 positions = block.normed.positions();
    const size_t rows = batch * block.window.out.positions(), words = lanes_of(block).words();
    const Life kept{l, 2 * count - l}, until_dx{l, 2 * count - l - 1};
    const Life forward{l, l}, backward{2 * count - l, 2 * count - l};
    const auto add = [&](const char* name, std::string_view type, size_t bytes, Life life) {
      return arena.add(block.name + ": " + name, std::string(type), bytes, life);
    };
    BlockBuffers b;
    b.weights = add("W", name_of(switches.weights), weights * bytes_of(switches.weights), always);
    b.momenta = add("m", name_of(switches.momenta), weights * bytes_of(switches.momenta), always);
    if (run.optimizer == "adam" && !switches.binary_weight_gradient) {
      b.second = add("v", "f32", weights * 4, always);
    }
    b.beta = add("beta", "f32", units * 4, always);
    b.beta_m = add("m of beta", "f32", units * 4, always);
    b.beta_v = add("v of beta", "f32", units * 4, always);
    b.moving_mu = add("moving mu", "f32", units * 4, always);
    b.moving_psi = add("moving psi", "f32", units * 4, always);

    const size_t bits = batch * positions * words_for(units) * 8;
    b.signs = add("signs", "bit", bits, kept);
    if (switches.clip_ste && !block.last) b.inside = add("|X| <= 1", "bit", bits, until_dx);
    if (block.pool_after.present) {
      b.pooled = add("pooled signs", "bit", batch * block.out.positions() * words_for(units) * 8,
                     until_dx);
    }
    if (block.pool_before.present) {
      b.winners = add("pool winners", "2 bit", batch * positions * ((units + 3) / 4), kept);
    }
    if (switches.real_activations)
      b.normed = add("X", "f32", batch * block.normed.size() * 4, kept);
    b.reciprocal = add("1/psi", "f32", units * 4, kept);
    b.omega = add("omega", "f32", units * 4, kept);

    b.packed_forward = add("packed W", "bit", units * words * 8, forward);
    b.packed_backward = add("packed W", "bit", units * words * 8, backward);
    if (block.window.padded()) {
      b.tap_counts = add("W of a tap", "i32", units * block.window.taps() * 4, forward);
      b.border = add("border", "f64", block.window.taps() * units * 8, backward);
    }
    const size_t row_bytes = block.first ? words * 128 : words * 8;
    b.rows_forward = rows_within(row_bytes + units * 4, rows);
    b.input_rows =
        add("input rows", block.first ? "i16" : "bit", b.rows_forward * row_bytes, forward);
    b.products = add("products", "i32", b.rows_forward * units * 4, forward);
    b.sums = add("sums", "f64", 3 * units * 8, {l, 2 * count - l});
    b.rows_dw = rows_within(units * 4, rows);
    b.gradient_rows = add("gradient rows", "f32", b.rows_dw * units * 4, backward);
    b.column = add("input column", block.first ? "i16" : "bit", b.rows_dw * (block.first ? 128 : 8),
                   backward);
    b.accumulator = add("dW of 64 inputs", "f64", 64 * units * 8, backward);
    size_t sample = block.window.out.size();
    if (!block.first) {
      b.rows_dx = rows_within(words * 64 * 8, b.rows_dw);
      b.lanes = add("dX rows", "f64", b.rows_dx * words * 64 * 8, backward);
      sample = std::max(sample, block.window.in.size());
    }
    b.sample = add("one sample", "f64", sample * 8, backward);
    b.dw = switches.binary_weight_gradient ? add("dW", "bit", words_for(weights) * 8, backward)
                                           : add("dW", "f32", weights * 4, backward);
    plan.blocks.push_back(b);
  }
  arena.plan();
  return plan;
}

}  // namespace edgebnn
