// Predictions of a trained network: centred pixels into the first layer, bits and integers behind
// it.
#pragma once

#include <functional>
#include <vector>

#include "data_file.h"
#include "kernels/registry.h"
#include "layers/product.h"
#include "network_file.h"
#include "threads.h"

namespace edgebnn {

// Predicts a few images at once, in memory of its own; a thread has one.
class Predictor {
 public:
  static constexpr size_t kImages = 8;

  Predictor(const NetworkFile& file, const Kernels& kernels);

  // images: [n][input] u8, n at most kImages; labels: [n].
  void predict(const uint8_t* images, size_t n, int32_t* labels);

 private:
  void run(size_t l, const ProductInput& input, size_t n);
  void signs_of(size_t l, size_t row, const int32_t* products);
  void logits_of(size_t l, size_t row, const int32_t* products);

  const NetworkFile& file_;
  const Kernels& kernels_;
  std::vector<std::vector<uint64_t>> weights_;    // of each block, as the kernels want them
  std::vector<std::vector<int32_t>> tap_counts_;  // of each block; empty where none are needed
  std::vector<size_t> rows_at_once_;              // of each block
  std::vector<uint64_t> maps_[2];                 // input and output of a block, in turns
  std::vector<uint64_t> signs_;                   // its output before a pool behind the sign
  std::vector<uint64_t> input_rows_;
  std::vector<int32_t> products_;
  std::vector<float> logits_;  // [kImages][classes]
};

// Predicts the test images in order, and tells `each` its label; returns how many are right. Throws
// InputError if network and data do not fit each other.
uint64_t predict_test_images(const NetworkFile& file, const DataFile& data, const Kernels& kernels,
                             Threads& threads, const std::function<void(int32_t label)>& each);

}  // namespace edgebnn
