// A trained network as a file (docs/formats.md, "Trained network"): the layers, one bit a weight,
// one integer a unit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model.h"
#include "threshold.h"

namespace edgebnn {

// What prediction needs of a block. All point into the file.
struct TrainedBlock {
  const uint64_t* weights = nullptr;    // [units][words], as the kernels take them
  const int32_t* thresholds = nullptr;  // [units]: +1 where Y >= threshold; not of the last block
  const UnitNorm* norms = nullptr;      // [units]: of the last block alone
};

class NetworkFile {
 public:
  // Reads and checks all of it. Throws InputError naming the file.
  explicit NetworkFile(const std::string& path);
  NetworkFile(const NetworkFile&) = delete;
  NetworkFile& operator=(const NetworkFile&) = delete;

  const std::string& path() const { return path_; }
  const Network& network() const { return network_; }
  const TrainedBlock& block(size_t l) const { return blocks_[l]; }

 private:
  void read();
  void read_layers();
  void place_blocks();
  void check_padding() const;
  [[noreturn]] void refuse(const std::string& why) const;

  std::string path_;
  std::vector<uint64_t> content_;
  size_t bytes_ = 0;
  Network network_;
  std::vector<TrainedBlock> blocks_;
};

// Before any work: throws InputError if this network has no such file.
void check_exportable(const RunFile& run, const Network& network);

// Writes the trained state of a model, which check_exportable() let pass, in no memory to speak of;
// throws JobError.
void write_network(const std::string& path, const RunFile& run, const Model& model, Arena& arena);

}  // namespace edgebnn
