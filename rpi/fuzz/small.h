// The small run whose checkpoints are read: three epochs of two steps.
#pragma once

#include "checkpoint.h"
#include "input.h"
#include "runs.h"
#include "trainer.h"

namespace fuzz {

inline constexpr const char* kRunText =
    "edgebnn-run 1\nrun_id small\nseed 7\nbatch_size 2\nepochs 3\noptimizer adam\n"
    "learning_rate 0.01\nschedule plateau 0.5 1\nshift 0.2\nflip true\nactivations bool\n"
    "batch_norm bnn\ngradient_dtype i8\nmomentum_dtype q15\npool_mask index\nste clip\n"
    "weight_dtype q15\nweight_gradient bool\ninput 4 4 1\nlayer conv 3 3 1 same\n"
    "layer batch_norm\nlayer sign\nlayer max_pool 2\nlayer flatten\nlayer dense 3\n"
    "layer batch_norm\n";

// Images of random pixels: four to train on, two for validation and one for testing.
inline std::string small_data() {
  constexpr uint32_t kFields[] = {1, 4, 4, 1, 3, 4, 2, 1};
  std::string content = "EDGEBNND" + std::string(56, '\0');
  for (size_t i = 0; i < 8; ++i) put(content, 8 + 4 * i, kFields[i]);
  tests::Random random(3);
  for (const int images : {4, 2, 1}) {
    for (int i = 0; i < 16 * images; ++i) content += static_cast<char>(random());
    for (int i = 0; i < images; ++i) content += static_cast<char>(i % 3);
  }
  put(content, 40, checksum_of(content, 64, content.size()));
  put(content, 60, checksum_of(content, 0, 60));
  return content;
}

struct Small {
  File run_text{kRunText}, images{small_data()};
  tests::Bench bench{edgebnn::read_run_file(run_text.path())};
  edgebnn::Model model{bench.run,   bench.network, bench.plan, bench.context.kernels,
                       bench.arena, bench.threads};
  edgebnn::DataFile data{images.path()};

  edgebnn::Checkpoint checkpoint(const std::string& path) {
    return {path, 0, bench.run, data, model};
  }
  edgebnn::Trainer trainer() { return {bench.run, data, model}; }
};

}  // namespace fuzz
