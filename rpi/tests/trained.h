// A model trained for a few steps on random images, for what comes after training.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "network_file.h"
#include "runs.h"

namespace tests {

// A folder that goes with its files.
struct Folder {
  char path[32] = "/tmp/edgebnn-trained-XXXXXX";
  Folder() {
    if (mkdtemp(path) == nullptr) std::abort();
  }
  ~Folder() {
    unlink(file().c_str());
    rmdir(path);
  }
  Folder(const Folder&) = delete;
  std::string file() const { return std::string(path) + "/network.ebn"; }
};

struct Trained : Bench {
  edgebnn::Model model;
  Random random;

  explicit Trained(edgebnn::RunFile given, int steps = 3, size_t threads = 1,
                   const edgebnn::Kernels& kernels = edgebnn::all_kernels().back())
      : Bench(std::move(given), threads, kernels),
        model(run, network, plan, kernels, arena, this->threads),
        random(11) {
    model.initialise(5);
    for (int step = 0; step < steps; ++step) {
      fill();
      model.train(0.02f);
    }
  }

  // The batch: noise, brighter by its class.
  void fill() {
    model.begin();
    const size_t size = network.input.size();
    for (size_t b = 0; b < batch(); ++b) {
      model.labels()[b] = between(random, 0, network.classes() - 1);
      for (size_t i = 0; i < size; ++i)
        model.images()[b * size + i] =
            static_cast<uint8_t>(between(random, 0, 155) + 30 * (model.labels()[b] % 4));
    }
  }

  void write(const std::string& path) { edgebnn::write_network(path, run, model, arena); }
};

}  // namespace tests
