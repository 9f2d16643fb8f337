// Runs for unit tests: what a run file would say, without the file; and a model of one, in its
// arena.
#pragma once

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/registry.h"
#include "model.h"

namespace tests {

// A deterministic generator: the same cases in every run, on every machine.
using Random = std::mt19937_64;

inline int between(Random& random, int least, int most) {
  return least + static_cast<int>(random() % static_cast<uint64_t>(most - least + 1));
}

// As preset `proposed`, with these layers, one a line as in a run file ("conv 5 3 1 same").
inline edgebnn::RunFile run_of(edgebnn::Shape input, const std::vector<std::string>& layers,
                               int batch = 4) {
  edgebnn::RunFile run;
  run.path = "case.run";
  run.run_id = "case";
  run.batch_size = batch;
  run.epochs = 1;
  run.optimizer = "adam";
  run.learning_rate = 0.01;
  run.height = input.height, run.width = input.width, run.channels = input.channels;
  for (const std::string& text : layers) {
    std::istringstream stream(text);
    edgebnn::LayerLine line{static_cast<int>(run.layers.size()) + 1, "", {}};
    stream >> line.kind;
    for (std::string word; stream >> word;) line.arguments.push_back(word);
    run.layers.push_back(line);
  }
  return run;
}

// As preset `standard`.
inline edgebnn::Switches standard() {
  using edgebnn::Format;
  return {.activations = Format::f32,
          .batch_norm = edgebnn::Switches::BatchNorm::l2,
          .gradients = Format::f32,
          .momenta = Format::f32,
          .weights = Format::f32,
          .clip_ste = true,
          .binary_weight_gradient = false};
}

// A run planned and allocated, with what its layers work with.
struct Bench {
  edgebnn::RunFile run;
  edgebnn::Network network;
  edgebnn::Arena arena;
  edgebnn::Plan plan;
  edgebnn::Threads threads;
  edgebnn::GradientMap gradients;
  edgebnn::Context context;

  explicit Bench(edgebnn::RunFile given, size_t count = 1,
                 const edgebnn::Kernels& kernels = edgebnn::all_kernels().back())
      : run(std::move(given)),
        network(edgebnn::compile(run)),
        plan(edgebnn::make_plan(run, network, arena, count)),
        threads(count),
        gradients(plan, run.switches.gradients, kernels, arena),
        context{run, plan, kernels, arena, threads, gradients} {
    arena.allocate();
  }
  Bench(const Bench&) = delete;

  size_t batch() const { return static_cast<size_t>(run.batch_size); }
  void enter_weights_of(size_t l) { arena.enter(plan.phases.weights(static_cast<int>(l))); }
  void enter_inputs_of(size_t l) { arena.enter(plan.phases.inputs(static_cast<int>(l))); }
  uint8_t* sample_of_map(size_t sample) { return arena.at(plan.map) + sample * plan.sample_bytes; }
};

}  // namespace tests
