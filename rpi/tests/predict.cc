// Predictions of an exported network are those of the model's evaluation, image by image.
#include "predict.h"

#include <set>

#include "check.h"
#include "trained.h"

using namespace edgebnn;
using Layers = std::vector<std::string>;

namespace {

const Layers kDense = {"flatten",    "dense 33", "batch_norm", "sign",      "dense 65",
                       "batch_norm", "sign",     "dense 10",   "batch_norm"};
const std::vector<Layers> kNetworks = {
    kDense,
    {"flatten", "dense 10", "batch_norm"},
    {"conv 5 3 1 same", "batch_norm", "sign", "conv 66 5 1 same", "batch_norm", "sign",
     "conv 7 3 1 same", "batch_norm", "sign", "flatten", "dense 10", "batch_norm"},
    {"conv 65 3 2 same", "batch_norm", "sign", "conv 7 5 2 same", "batch_norm", "sign", "flatten",
     "dense 10", "batch_norm"},
    {"conv 7 3 2 valid", "batch_norm", "sign", "conv 65 3 1 valid", "batch_norm", "sign", "flatten",
     "dense 10", "batch_norm"},
    {"conv 9 3 1 same", "max_pool 2", "batch_norm", "sign", "conv 33 3 1 same", "batch_norm",
     "sign", "max_pool 2", "flatten", "dense 10", "batch_norm"},
    {"conv 9 3 1 valid", "batch_norm", "sign", "max_pool 2", "conv 64 3 1 same", "max_pool 2",
     "batch_norm", "sign", "flatten", "dense 10", "batch_norm"},
    {"conv 9 1 1 same", "batch_norm", "sign", "conv 10 7 3 valid", "max_pool 2", "batch_norm"},
};

// Evaluation's own predictions: the first largest of its logits.
std::vector<int32_t> evaluated(tests::Trained& trained, size_t samples) {
  trained.model.evaluate(samples);
  const auto classes = static_cast<size_t>(trained.network.classes());
  const auto* logits = trained.arena.at<float>(trained.plan.logits);
  std::vector<int32_t> labels;
  for (size_t b = 0; b < samples; ++b) {
    const float* z = logits + b * classes;
    labels.push_back(static_cast<int32_t>(std::max_element(z, z + classes) - z));
  }
  return labels;
}

// Of 2 batches of images; returns which labels were found.
std::set<int32_t> compare(RunFile run, int steps, const Kernels& kernels) {
  tests::Trained trained(std::move(run), steps, 1, kernels);
  const tests::Folder folder;
  trained.write(folder.file());
  const NetworkFile file(folder.file());
  Predictor predictor(file, kernels);
  std::set<int32_t> seen;
  for (int round = 0; round < 2; ++round) {
    trained.fill();
    const std::vector<uint8_t> images(
        trained.model.images(),
        trained.model.images() + trained.batch() * trained.network.input.size());
    const std::vector<int32_t> expected = evaluated(trained, trained.batch());
    std::vector<int32_t> found(expected.size());
    for (size_t first = 0; first < found.size(); first += Predictor::kImages) {
      predictor.predict(images.data() + first * trained.network.input.size(),
                        std::min(Predictor::kImages, found.size() - first), found.data() + first);
    }
    for (size_t b = 0; b < found.size(); ++b) EQUAL(found[b], expected[b]);
    seen.insert(found.begin(), found.end());
  }
  return seen;
}

}  // namespace

TEST("predictions are evaluation's: every kind of network") {
  size_t told_apart = 0;
  for (const Layers& layers : kNetworks) {
    for (const int steps : {0, 1, 12})
      told_apart +=
          compare(tests::run_of({11, 13, 3}, layers, 21), steps, chosen_kernels()).size() > 1;
  }
  EQUAL(told_apart >= 2 * kNetworks.size(), true);  // not all one label
}

TEST("predictions are evaluation's: every variant of the kernels that runs here") {
  for (const Kernels& kernels : all_kernels()) {
    if (kernels.runs()) compare(tests::run_of({11, 13, 3}, kNetworks[5], 9), 3, kernels);
  }
}

TEST("predictions are evaluation's: batch norms, weights, optimisers") {
  for (const Layers& layers : {kDense, kNetworks[5]}) {
    RunFile run = tests::run_of({7, 6, 2}, layers, 13);
    for (const Format weights : {Format::f32, Format::f16, Format::i8_weight}) {
      run.switches.weights = weights;
      compare(run, 6, all_kernels().back());
    }
    run.optimizer = "bop";
    run.gamma = 0.01, run.tau = 1e-4;
    compare(run, 6, all_kernels().back());
    run.optimizer = "sgd";
    run.switches = tests::standard();
    using enum Switches::BatchNorm;
    for (const Switches::BatchNorm norm : {l2, l1, bnn}) {
      run.switches.batch_norm = norm;
      compare(run, 6, all_kernels().back());
    }
  }
}
