// What training begins from, in place of random weights: the latent weights and the batch norms of
// a trained network (docs/formats.md, "Initial weights").
#pragma once

#include <string>

#include "model.h"

namespace edgebnn {

// A file of them, whole and of this network: checked when it is opened, read when it is loaded.
class InitialWeights {
 public:
  // Throws InputError naming the file: not there, damaged, not the one that the run asks for, or of
  // other layers. The last block may have other units: it is left out, and begins anew.
  InitialWeights(std::string path, const RunFile& run, const Network& network);

  // Into a model whose arena is allocated and whose weights are drawn. Throws JobError if the file
  // can no longer be read.
  void load(Model& model) const;

 private:
  [[noreturn]] void refuse(const std::string& why) const;
  void check_layers(const std::vector<uint32_t>& sizes) const;

  std::string path_;
  const Network& network_;
  bool last_anew_ = false;
};

}  // namespace edgebnn
