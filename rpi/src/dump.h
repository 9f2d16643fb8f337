// The state of the first steps, for the parity tests (docs/formats.md, "State dump").
#pragma once

#include <string>

#include "model.h"

namespace edgebnn {

class Dump {
 public:
  Dump(std::string path, const RunFile& run, Model& model, Arena& arena);
  // After a step: its loss (mean), the sign bits it saw, and the state it left.
  void step(double loss);
  // Writes the file; throws JobError.
  void finish() const;

 private:
  void signs_of(size_t block);
  void append(const void* data, size_t bytes);

  std::string path_;
  const RunFile& run_;
  Model& model_;
  Arena& arena_;
  std::string content_, signs_;
};

}  // namespace edgebnn
