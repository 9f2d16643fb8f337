#include "plan.h"

#include <algorithm>

namespace edgebnn {
namespace {

constexpr size_t kScratch = 32 * 1024;  // bytes that a block of rows may take: stays near the core

size_t rows_within(size_t bytes_per_row, size_t most) {
  return std::clamp<size_t>(kScratch / std::max<size_t>(bytes_per_row, 1), 1,
                            std::max<size_t>(most, 1));
}

// Y is an integer of at most fan_in, times 255 in the first layer.
Format product_format(const Block& block) {
  return block.fan_in() * (block.first ? 255 : 1) <= 32767 ? Format::i16 : Format::i32;
}

class Planner {
 public:
  Planner(const RunFile& run, const Network& network, Arena& arena, size_t threads)
      : run_(run),
        network_(network),
        arena_(arena),
        batch_(static_cast<size_t>(run.batch_size)),
        count_(static_cast<int>(network.blocks.size())) {
    plan_.threads = threads;
    plan_.phases = {count_};
  }

  Plan plan() {
    plan_.blocks.resize(network_.blocks.size());
    add_shared();
    for (l_ = 0; l_ < count_; ++l_) {
      block_ = &network_.blocks[static_cast<size_t>(l_)];
      buffers_ = &plan_.blocks[static_cast<size_t>(l_)];
      name_ = block_->name + ": ";
      add_persistent();
      add_kept();
      add_forward();
      add_weight_gradient();
      if (!block_->first) add_input_gradient();
    }
    arena_.plan();
    return plan_;
  }

 private:
  Life always() const { return {0, plan_.phases.last()}; }

  Arena::Id add(const char* name, std::string_view type, size_t bytes, Life life) {
    return arena_.add(name_ + name, std::string(type), bytes, life);
  }

  Scratch scratch(const char* name, std::string_view type, size_t bytes, Life life) {
    const size_t stride = (bytes + 63) / 64 * 64;
    return {add(name, type, stride * plan_.threads, life), stride};
  }

  // The map has room for every gradient. Byte-wide gradients ask for memory before time: a Y that
  // does not fit beside them is computed again instead of kept.
  void size_map() {
    const size_t gradient = bytes_of(run_.switches.gradients);
    size_t bytes = 0;
    for (const Block& block : network_.blocks) {
      bytes = std::max(bytes, block.window.out.size() * gradient);
      plan_.widest = std::max(plan_.widest, block.units());
    }
    for (size_t l = 0; l < network_.blocks.size(); ++l) {
      const Block& block = network_.blocks[l];
      BlockBuffers& buffers = plan_.blocks[l];
      buffers.product_format = product_format(block);
      const size_t products = block.normed.size() * bytes_of(buffers.product_format);
      buffers.keeps_products = gradient > 1 || products <= bytes;
    }
    for (size_t l = 0; l < network_.blocks.size(); ++l) {
      if (!plan_.blocks[l].keeps_products) continue;
      bytes = std::max(bytes,
                       network_.blocks[l].normed.size() * bytes_of(plan_.blocks[l].product_format));
    }
    plan_.sample_bytes = (bytes + 63) / 64 * 64;
  }

  void add_shared() {
    size_map();
    const Format gradients = run_.switches.gradients;
    const size_t row = plan_.widest * 4;
    plan_.images = add("images", "u8", batch_ * network_.input.size(), always());
    plan_.labels = add("labels", "i32", batch_ * 4, {0, count_});
    plan_.map = add("Y, dX, dY", name_of(gradients), batch_ * plan_.sample_bytes, always());
    plan_.logits = add("logits", "f32", batch_ * static_cast<size_t>(network_.classes()) * 4,
                       {count_ - 1, count_});
    plan_.row = add("rows of a map", "f32", 2 * row, always());
    if (count_ > 1 || network_.blocks[0].pool_before.present)
      plan_.own_row = scratch("row of a thread", "f32", row, always());
    plan_.sums = add("sums", "f64", 3 * plan_.widest * 8, always());
    if (gradients == Format::f32 || gradients == Format::f16) return;
    plan_.scales = add("exponents", "f32", 3 * row, always());
    plan_.largest = add("largest magnitudes", "f32", plan_.threads * row, always());
  }

  void add_persistent() {
    const Switches& switches = run_.switches;
    const size_t units = block_->units(), fan_in = block_->fan_in();
    const auto matrix = [&](const char* name, Format format) {
      const size_t bytes = bytes_for(format, fan_in * row_stride(format, units));
      return add(name, name_of(format), bytes, always());
    };
    buffers_->weights = matrix("W", run_.stored_weights());
    buffers_->momenta = matrix("m", switches.momenta);
    if (run_.optimizer == "adam" && !switches.binary_weight_gradient)
      buffers_->second = matrix("v", Format::f32);
    buffers_->beta = add("beta", "f32", units * 4, always());
    buffers_->beta_m = add("m of beta", "f32", units * 4, always());
    if (run_.optimizer != "sgd") buffers_->beta_v = add("v of beta", "f32", units * 4, always());
    buffers_->moving_mu = add("moving mu", "f32", units * 4, always());
    buffers_->moving_psi = add("moving psi", "f32", units * 4, always());
  }

  void add_kept() {
    const Phases& phases = plan_.phases;
    const size_t units = block_->units(), positions = block_->normed.positions();
    const Life to_norm{l_, phases.weights(l_)};
    const size_t bits = batch_ * positions * words_for(units) * 8;
    buffers_->signs = add("signs", "bit", bits, to_norm);
    if (run_.switches.clip_ste && !block_->last)
      buffers_->inside = add("|X| <= 1", "bit", bits, {l_, phases.inputs(l_ + 1)});
    if (block_->pool_after.present) {
      buffers_->pooled =
          add("pooled signs", "bit", batch_ * block_->out.positions() * words_for(units) * 8,
              {l_, phases.weights(l_ + 1)});
    }
    if (block_->pool_before.present)
      buffers_->winners =
          add("pool winners", "2 bit", batch_ * positions * ((units + 3) / 4), to_norm);
    if (run_.switches.real_activations)
      buffers_->normed = add("X", "f32", batch_ * block_->normed.size() * 4, to_norm);
    buffers_->reciprocal = add("1/psi", "f32", units * 4, to_norm);
    buffers_->omega = add("omega", "f32", units * 4, to_norm);
  }

  void add_forward() {
    const Life life{l_, l_};
    const size_t words = lanes_of(*block_).words(), taps = block_->window.taps();
    const size_t per_row = block_->pool_before.present ? 4 : 1;
    const size_t channels = largest_part(block_->units(), plan_.threads, 8);
    const size_t row_bytes = block_->first ? words * 128 : words * 8;
    buffers_->packed_forward = add("packed W", "bit", block_->units() * words * 8, life);
    if (block_->window.padded() && !block_->first)
      buffers_->tap_counts = add("W of a tap", "i32", block_->units() * taps * 4, life);
    const size_t rows =
        rows_within(per_row * (row_bytes + channels * 4), batch_ * block_->normed.positions()) *
        per_row;
    buffers_->rows_forward = rows;
    buffers_->input_rows =
        scratch("input rows", block_->first ? "i16" : "bit", rows * row_bytes, life);
    buffers_->products = scratch("products", "i32", rows * channels * 4, life);
  }

  void add_weight_gradient() {
    const int phase = plan_.phases.weights(l_);
    const Life life{phase, phase};
    const size_t units = std::min(block_->units(), kUnitsAtOnce);
    const size_t rows =
        rows_within(kUnitsAtOnce * 4 + 128, batch_ * block_->window.out.positions());
    buffers_->rows_dw = rows;
    buffers_->gradient_rows = scratch("gradient columns", "f32", rows * units * 4, life);
    buffers_->column = scratch("input column", block_->first ? "i16" : "bit",
                               rows * (block_->first ? 128 : 8), life);
    buffers_->accumulator = scratch("dW of 64 inputs", "f64", 64 * units * 8, life);
    if (block_->window.padded() && !block_->first)
      buffers_->border = scratch("border", "f64", block_->window.taps() * units * 8, life);
  }

  void add_input_gradient() {
    const int phase = plan_.phases.inputs(l_);
    const Life life{phase, phase};
    const Window& w = block_->window;
    const size_t words = lanes_of(*block_).words();
    buffers_->packed_backward =
        add("packed W", "bit", block_->units() * words * 8, {phase - 1, phase});
    buffers_->samples_dx = rows_within(w.in.size() * 8, batch_);
    buffers_->rows_dx =
        rows_within(words * 64 * 8 + block_->units() * 4, buffers_->samples_dx * w.out.positions());
    buffers_->gradients =
        scratch("gradient rows", "f32", buffers_->rows_dx * block_->units() * 4, life);
    buffers_->lanes = scratch("dX rows", "f64", buffers_->rows_dx * words * 64 * 8, life);
    buffers_->samples =
        scratch("dX of samples", "f64", buffers_->samples_dx * w.in.size() * 8, life);
  }

  const RunFile& run_;
  const Network& network_;
  Arena& arena_;
  size_t batch_;
  int count_, l_ = 0;
  const Block* block_ = nullptr;
  BlockBuffers* buffers_ = nullptr;
  std::string name_;
  Plan plan_;
};

}  // namespace

Lanes lanes_of(const Block& block) {
  if (block.first) return {1, block.fan_in(), words_for(block.fan_in())};
  const auto channels = static_cast<size_t>(block.window.in.channels);
  return {block.window.taps(), channels, words_for(channels)};
}

Plan make_plan(const RunFile& run, const Network& network, Arena& arena, size_t threads) {
  return Planner(run, network, arena, threads).plan();
}

}  // namespace edgebnn
