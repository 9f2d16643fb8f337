// What unit tests of checkpoints share: a folder that goes with the test, data and a run.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "crc32.h"
#include "runs.h"

namespace tests {

class CheckpointFolder {
 public:
  CheckpointFolder() { mkdtemp(folder_); }
  ~CheckpointFolder() {
    for (const char* name : {"data", "state", "state.part", "state.previous"})
      unlink(path(name).c_str());
    rmdir(folder_);
  }
  CheckpointFolder(const CheckpointFolder&) = delete;

  std::string path(const std::string& name) const { return std::string(folder_) + "/" + name; }

  // A packed data set of so many images a split, all black and of class 0; returns its path.
  std::string write_data(uint32_t images = 0) const {
    std::string content(64 + images * 3 * (2 * 2 + 1), '\0');
    edgebnn::Crc32 payload, header;
    payload.add(content.data() + 64, content.size() - 64);
    const uint32_t fields[] = {1, 2, 2, 1, 3, images, images, images, payload.value()};
    std::memcpy(content.data(), "EDGEBNND", 8);
    std::memcpy(content.data() + 8, fields, sizeof fields);
    header.add(content.data(), 60);
    const uint32_t sum = header.value();
    std::memcpy(content.data() + 60, &sum, sizeof sum);
    std::ofstream(path("data"), std::ios::binary) << content;
    return path("data");
  }

 private:
  char folder_[32] = "/tmp/edgebnn-checkpoint-XXXXXX";
};

inline edgebnn::RunFile small_run() {
  edgebnn::RunFile run =
      run_of({2, 2, 1}, {"flatten", "dense 5", "batch_norm", "sign", "dense 3", "batch_norm"});
  run.text = "seed 1\nepochs 3\n";
  run.epochs = 3;
  return run;
}

}  // namespace tests
