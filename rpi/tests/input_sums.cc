// A Y that is not kept has the statistics of one that is.
#include "layers/input_sums.h"

#include <algorithm>
#include <vector>

#include "check.h"
#include "layers/forward.h"
#include "runs.h"

namespace edgebnn {
namespace {

using namespace tests;

struct Found {
  bool sums_inputs = false;
  std::vector<float> mu, psi;
  std::vector<uint64_t> signs;
};

// What the forward pass of block `l` makes of noise.
Found forward(RunFile run, size_t l, Format gradients, size_t threads, const Kernels& kernels) {
  run.switches.gradients = gradients;
  Bench bench(run, threads, kernels);
  const Block& block = bench.network.blocks[l];
  const BlockBuffers& buffers = bench.plan.blocks[l];
  bench.arena.enter(static_cast<int>(l));
  Random random(l + 1);
  const auto fill = [&](auto* to, size_t n, auto&& next) { std::generate_n(to, n, next); };
  std::vector<float> weights(block.weights());
  fill(weights.data(), weights.size(), [&] { return static_cast<float>(between(random, -3, 3)); });
  store(run.switches.weights, bench.arena.at(buffers.weights), 0, weights.size(), weights.data());
  const size_t channels = static_cast<size_t>(block.window.in.channels),
               words = words_for(channels);
  std::vector<uint8_t> images(bench.batch() * block.window.in.size());
  std::vector<uint64_t> bits(bench.batch() * block.window.in.positions() * words);
  fill(images.data(), images.size(), [&] { return static_cast<uint8_t>(random() % 200); });
  fill(bits.data(), bits.size(), [&] { return random() | random(); });
  if (channels % 64 != 0) {
    for (size_t i = words - 1; i < bits.size(); i += words)
      bits[i] &= ~(~uint64_t{0} << channels % 64);
  }
  const ProductInput input{block.first ? images.data() : nullptr,
                           block.first ? nullptr : bits.data()};
  Forward(block, buffers, bench.context).run(input, bench.batch(), true);
  const auto* mu = bench.arena.at<float>(buffers.moving_mu);
  const auto* psi = bench.arena.at<float>(buffers.moving_psi);
  const auto* signs = bench.arena.at<uint64_t>(buffers.signs);
  const size_t rows = bench.batch() * block.normed.positions();
  return {buffers.sums_inputs,
          {mu, mu + block.units()},
          {psi, psi + block.units()},
          {signs, signs + rows * words_for(block.units())}};
}

void check(Shape in, const std::string& layer, int batch) {
  const std::string channels = std::to_string(in.channels);
  const std::vector<std::string> tail = {"batch_norm", "sign", "flatten", "dense 3", "batch_norm"};
  std::vector<std::string> first = {layer},
                           second = {"conv " + channels + " 1 1 same", "batch_norm", "sign", layer};
  for (auto* layers : {&first, &second}) layers->insert(layers->end(), tail.begin(), tail.end());
  for (size_t l = 0; l < 2; ++l) {
    const RunFile run = run_of(in, l == 0 ? first : second, batch);
    const Found kept = forward(run, l, Format::f16, 1, all_kernels().back());
    EQUAL(kept.sums_inputs, false);
    for (const Kernels& kernels : all_kernels()) {
      if (!kernels.runs()) continue;
      for (const size_t threads : {1, 3}) {
        const Found found = forward(run, l, Format::i6, threads, kernels);
        EQUAL(found.sums_inputs, true);
        EQUAL(found.mu == kept.mu, true);
        EQUAL(found.psi == kept.psi, true);
        EQUAL(found.signs == kept.signs, true);
      }
    }
  }
}

TEST("sums of inputs: what is computed again has the statistics of what is kept") {
  check({16, 16, 3}, "conv 5 3 1 same", 3);
  check({16, 15, 5}, "conv 70 3 1 valid", 5);
  check({20, 20, 65}, "conv 70 3 1 same", 3);
  check({13, 17, 10}, "conv 33 3 2 valid", 5);
  check({40, 41, 2}, "conv 17 5 1 same", 2);
}

}  // namespace
}  // namespace edgebnn
