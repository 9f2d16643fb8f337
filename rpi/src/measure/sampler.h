// What is seen while a command runs, a JSON object a line: its memory, the device's temperature,
// clock and throttling, and the texts of what tells power. What is not told is absent, never 0.
#pragma once

#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "../json.h"
#include "memory_watch.h"
#include "options.h"
#include "seldom.h"
#include "small_file.h"

namespace edgebnn::measure {

class Sampler {
 public:
  // Takes no samples without a file. Throws InputError if the file cannot be written.
  explicit Sampler(const Options& options);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  bool samples() const { return file_ != nullptr; }
  // When the next one is due.
  double due() const { return due_; }
  // Of power and conditions, and of a command's memory while one runs.
  void sample(MemoryWatch* memory);

  size_t count() const { return count_; }
  // Why samples ended early (a full disk), or an empty text.
  const std::string& stopped() const { return stopped_; }

 private:
  // Name -> text, of what tells it.
  std::vector<std::pair<std::string, std::string>> power();
  void conditions(JsonObject& line);
  void write(const std::string& line);

  const Options& options_;
  std::array<char, 1 << 15> buffer_{};  // more than a second's lines
  FILE* file_ = nullptr;
  std::vector<std::pair<std::string, OpenSmallFile>> power_files_;
  double due_ = 0, flush_due_ = 0;
  size_t count_ = 0;
  Seldom conditions_;
  std::string stopped_;
};

}  // namespace edgebnn::measure
