#include "plan.h"

#include <algorithm>
#include <cstdint>

#include "kernels/binary_binary/binary_binary.h"
#include "kernels/real_binary/real_binary.h"
#include "sum_limits.h"

namespace edgebnn {
namespace {

constexpr size_t kScratch = 32 * 1024;  // bytes that a block of rows may take: stays near the core
// Rows that dW sums at once. Sums of integers are fetched seldom; an odd number of lines of the
// cache, as columns of gradients lie so far apart. Sums of reals are float32's no longer than that.
constexpr size_t kRowsAtOnce = 480, kRealRowsAtOnce = kTermsInFloat;
// Rows of dX that tables are made for at least; of products made by the tile (kernels/amx.h).
constexpr size_t kFewRows = 8, kTileRows = 16;

size_t rounded_up(size_t n, size_t grain) { return (n + grain - 1) / grain * grain; }

size_t rows_within(size_t bytes_per_row, size_t most) {
  return std::clamp<size_t>(kScratch / bytes_per_row, 1, most);
}

// Y is an integer of at most fan_in, times 255 in the first layer.
Format product_format(const Block& block) {
  return block.fan_in() * (block.first ? 255 : 1) <= 32767 ? Format::i16 : Format::i32;
}

size_t matrix_bytes(const Block& block, Format format) {
  return bytes_for(format, block.fan_in() * row_stride(format, block.units()));
}

class Planner {
  struct Type {
    std::string_view name;
    size_t bytes;
  };
  static constexpr Type kShort{"i16", 2};

 public:
  Planner(const RunFile& run, const Network& network, Arena& arena, size_t threads)
      : run_(run),
        network_(network),
        arena_(arena),
        batch_(static_cast<size_t>(run.batch_size)),
        count_(static_cast<int>(network.blocks.size())),
        lowest_(static_cast<int>(network.lowest)),
        shared_(shares_exponents(run.switches.gradients)),
        gradient_(run.switches.gradients == Format::i6 ? Type{"i8", 1}
                  : shared_                            ? kShort
                                                       : Type{"f32", 4}),
        sum_(shared_ ? Type{"i32", 4} : Type{"f64", 8}) {
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
      if (!block_->frozen) add_weight_gradient();
      if (l_ > lowest_) add_input_gradient();
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

  // The map has room for every gradient, and for each Y that a batch's statistics are taken of. But
  // byte-wide gradients ask for memory before time: a Y larger than its W and m, that does not fit
  // beside them, is computed again.
  void size_map() {
    const bool narrow = bytes_of(run_.switches.gradients) == 1;
    size_t bytes = 0;
    for (size_t l = 0; l < network_.blocks.size(); ++l) {
      const Block& block = network_.blocks[l];
      plan_.widest = std::max(plan_.widest, block.units());
      if (l < network_.lowest) continue;
      bytes = std::max(bytes, block.window.out.size() * bytes_of(run_.switches.gradients));
      if (block.frozen) continue;
      const size_t products = block.normed.size() * bytes_of(product_format(block));
      const size_t state =
          matrix_bytes(block, run_.stored_weights()) + matrix_bytes(block, run_.switches.momenta);
      if (!narrow || batch_ * products <= state) bytes = std::max(bytes, products);
    }
    for (size_t l = 0; l < network_.blocks.size(); ++l) {
      const Block& block = network_.blocks[l];
      BlockBuffers& buffers = plan_.blocks[l];
      buffers.product_format = product_format(block);
      buffers.keeps_products = block.normed.size() * bytes_of(buffers.product_format) <= bytes;
      buffers.sums_inputs = !buffers.keeps_products && !block.pool_before.present;
    }
    plan_.sample_bytes = (bytes + 63) / 64 * 64;
  }

  void add_shared() {
    size_map();
    const Format gradients = run_.switches.gradients;
    const size_t row = plan_.widest * 4;
    plan_.images = add("images", "u8", batch_ * network_.input.size(),
                       network_.lowest == 0 ? always() : Life{0, 0});
    plan_.labels = add("labels", "i32", batch_ * 4, {0, count_});
    plan_.map = add("Y, dX, dY", name_of(gradients), batch_ * plan_.sample_bytes, always());
    plan_.logits = add("logits", "f32", batch_ * static_cast<size_t>(network_.classes()) * 4,
                       {count_ - 1, count_});
    plan_.row = add("gradients of logits", "f32", static_cast<size_t>(network_.classes()) * 4,
                    {count_, count_});
    if (std::ranges::any_of(network_.blocks, [](const Block& b) { return b.pool_before.present; }))
      plan_.own_row = scratch("row of a thread", name_of(gradients),
                              plan_.widest * bytes_of(gradients), always());
    plan_.sums = add("sums", "f64", 3 * plan_.widest * 8, always());
    if (!shares_exponents(gradients)) return;
    plan_.scales = add("exponents of dY", "f32", 4 * row, always());
    plan_.largest = add("largest magnitudes", "i32", plan_.threads * row, always());
    plan_.exponents_per_sample = gradients == Format::i16 ? 1 : plan_.widest;
    plan_.sample_exponents =
        add("exponents of dX", "i8", batch_ * plan_.exponents_per_sample, always());
    if (gradients != Format::i6) return;
    const size_t terms = terms_of_dx(plan_.widest, gradients);
    plan_.order = add("order of channels", "u32", terms * 4, always());
    plan_.shifts = add("shifts of channels", "u8", terms / kTermsTogether, always());
  }

  void add_persistent() {
    const Switches& switches = run_.switches;
    const size_t units = block_->units();
    const auto persistent = [&](const char* name, Format format, size_t bytes) {
      plan_.persistent.push_back(add(name, name_of(format), bytes, always()));
      return plan_.persistent.back();
    };
    const auto matrix = [&](const char* name, Format format) {
      return persistent(name, format, matrix_bytes(*block_, format));
    };
    const auto row = [&](const char* name) { return persistent(name, Format::f32, units * 4); };
    const bool trained = !block_->frozen;
    if (trained) buffers_->weight_format = run_.stored_weights();
    buffers_->weights = matrix("W", buffers_->weight_format);
    if (trained) buffers_->momenta = matrix("m", switches.momenta);
    if (trained && run_.optimizer == "adam" && !switches.binary_weight_gradient)
      buffers_->second = matrix("v", Format::f32);
    buffers_->beta = row("beta");
    if (trained) buffers_->beta_m = row("m of beta");
    if (trained && run_.optimizer != "sgd") buffers_->beta_v = row("v of beta");
    buffers_->moving_mu = row("moving mu");
    buffers_->moving_psi = row("moving psi");
  }

  // The last phase that reads the block's output: the next one's dW, or its forward.
  int output_end() const {
    if (block_->last) return l_;
    const bool trained = !network_.blocks[static_cast<size_t>(l_) + 1].frozen;
    return trained ? plan_.phases.weights(l_ + 1) : plan_.phases.forward(l_ + 1);
  }

  void add_kept() {
    const Phases& phases = plan_.phases;
    const size_t units = block_->units(), positions = block_->normed.positions();
    const bool returns = l_ >= lowest_;  // whether backward comes here
    const Life to_norm{l_, returns ? phases.weights(l_) : l_};
    const size_t bits = batch_ * positions * words_for(units) * 8;
    const bool pools = block_->pool_after.present;
    buffers_->signs =
        add("signs", "bit", bits, returns || pools ? to_norm : Life{l_, output_end()});
    if (run_.switches.clip_ste && !block_->last && returns)
      buffers_->inside = add("|X| <= 1", "bit", bits, {l_, phases.inputs(l_ + 1)});
    if (pools) {
      buffers_->pooled =
          add("pooled signs", "bit", batch_ * block_->out.positions() * words_for(units) * 8,
              {l_, output_end()});
    }
    if (block_->pool_before.present)
      buffers_->winners =
          add("pool winners", "2 bit", batch_ * positions * ((units + 3) / 4), to_norm);
    if (const Format x = run_.switches.activations; x != Format::bit && !block_->frozen)
      buffers_->normed = add("X", name_of(x), bytes_for(x, batch_ * positions * units), to_norm);
    buffers_->reciprocal = add("1/psi", "f32", units * 4, to_norm);
    buffers_->omega = add("omega", "f32", units * 4, to_norm);
  }

  void add_forward() {
    const Life life{l_, l_};
    const size_t words = lanes_of(*block_).words(), taps = block_->window.taps();
    const size_t per_row = block_->pool_before.present ? 4 : 1;
    const size_t channels = rounded_up(block_->units(), kChannelGrain);
    const bool first = block_->first;
    const size_t row_bytes = words * (first ? 128 : 8);
    const size_t units = rounded_up(block_->units(), first ? kChannelGrain : kUnitsTogether);
    buffers_->packed_forward = add("packed W", "bit", units * words * 8, life);
    if (block_->window.padded() && !first)
      buffers_->tap_counts = add("W of a tap", "i32", block_->units() * taps * 4, life);
    const size_t all = batch_ * block_->normed.positions();
    size_t rows = rows_within(per_row * (row_bytes + channels * 4), all) * per_row;
    if (first) rows = std::min(std::max<size_t>(rows / kTileRows, 1) * kTileRows, all * per_row);
    buffers_->rows_forward = rows;
    buffers_->input_rows = scratch("input rows", first ? "i16" : "bit", rows * row_bytes, life);
    const size_t summed = buffers_->sums_inputs ? input_sums_bytes(*block_) : 0;
    buffers_->products = scratch("products", "i32", std::max(rows * channels * 4, summed), life);
    buffers_->sums = scratch("sums of Y", "f64", block_->units() * 8, life);
  }

  void add_weight_gradient() {
    check_sums_of_dw(run_, *block_);
    const int phase = plan_.phases.weights(l_);
    const Life life{phase, phase};
    const size_t positions = block_->window.out.positions();
    const size_t rows = std::min(shared_ ? kRowsAtOnce : kRealRowsAtOnce, batch_ * positions);
    buffers_->rows_dw = rows;
    const size_t words = lanes_of(*block_).words();
    buffers_->tile_words = block_->first ? 1 : std::min(kTileWords, words);
    buffers_->tiles_across = (words + buffers_->tile_words - 1) / buffers_->tile_words;
    if (shared_)
      buffers_->row_parts = row_parts_of_tile(block_->units(), buffers_->tiles_across,
                                              batch_ * positions, plan_.threads);
    buffers_->tile_units = units_of_tile(block_->units(), buffers_->tiles_across,
                                         buffers_->row_parts > 1 ? 1 : plan_.threads);
    const size_t lanes = buffers_->tile_words * 64, units = buffers_->tile_units;
    const Type g = block_->first && shared_ ? kShort : gradient_;
    buffers_->gradients_dw =
        scratch("dY of a tile", g.name, units * terms_for(rows) * g.bytes, life);
    if (block_->first) {
      buffers_->input_columns = scratch("input rows of dW", "i16", rows * 128, life);
      buffers_->accumulator = scratch("dW of a tile", "f64", 64 * units * 8, life);
      return;
    }
    buffers_->input_columns =
        scratch("input columns", "bit", terms_for(rows) / 32 * lanes * 4, life);
    buffers_->accumulator = scratch("dW of a tile", sum_.name, units * lanes * sum_.bytes, life);
    if (block_->window.padded())
      buffers_->border = scratch("border", "f64", block_->window.taps() * units * 8, life);
  }

  void add_input_gradient() {
    check_sums_of_dx(run_, *block_);
    const int phase = plan_.phases.inputs(l_);
    const Life life{phase, phase};
    const Window& w = block_->window;
    const Lanes lanes = lanes_of(*block_);
    const size_t words = lanes.words(),
                 terms = terms_of_dx(block_->units(), run_.switches.gradients);
    buffers_->packed_backward = add("packed W", "bit", terms / 8 * words * 64, {phase - 1, phase});
    buffers_->unit_columns =
        scratch("columns of W", "bit", block_->units() * 4, {phase - 1, phase - 1});
    // As many samples as give the product enough rows for a table to be worth its making.
    const size_t enough = (kFewRows + w.out.positions() - 1) / w.out.positions();
    const size_t sample_bytes = PaddedMap(*block_).size() * sum_.bytes;
    buffers_->samples_dx = std::min(batch_, std::max(rows_within(sample_bytes, batch_), enough));
    buffers_->rows_dx = std::min(buffers_->samples_dx * w.out.positions(), kRowsOfDx);
    // In parts, tables are made again for each; sums of reals depend on their order.
    const size_t line = static_cast<size_t>(w.width) * lanes.words_per_group;
    buffers_->parts_dx = {words, line, shared_ ? 2 * kTileWords : words};
    buffers_->gradients =
        scratch("dY rows", gradient_.name, buffers_->rows_dx * terms * gradient_.bytes, life);
    buffers_->samples =
        scratch("dX of samples", sum_.name, buffers_->samples_dx * sample_bytes, life);
    buffers_->sum_bytes = sum_.bytes;
    const Block& below = network_.blocks[static_cast<size_t>(l_) - 1];
    if (!below.pool_after.present) return;
    const size_t words_across = static_cast<size_t>(below.out.width) * words_for(below.units());
    buffers_->winners_of_row = scratch("winners of a row", "bit", 4 * words_across * 8, life);
  }

  const RunFile& run_;
  const Network& network_;
  Arena& arena_;
  size_t batch_;
  int count_, lowest_, l_ = 0;
  bool shared_;          // exponents of gradients
  Type gradient_, sum_;  // as the products take them
  const Block* block_ = nullptr;
  BlockBuffers* buffers_ = nullptr;
  std::string name_;
  Plan plan_;
};

}  // namespace

Plan make_plan(const RunFile& run, const Network& network, Arena& arena, size_t threads) {
  return Planner(run, network, arena, threads).plan();
}

}  // namespace edgebnn
