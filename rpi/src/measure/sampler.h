// What is seen while a command runs, a JSON object a line: its memory, the device's temperature,
// clock and throttling, and the texts of what tells power. What is not told is absent, never 0.
#pragma once

#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "../json.h"
#include "options.h"
#include "process_tree.h"
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
  void sample(ProcessTree* tree);

  double peak_resident() const { return peak_resident_; }
  double peak_proportional() const { return peak_proportional_; }
  size_t most_processes() const { return most_processes_; }
  size_t count() const { return count_; }
  // Why samples ended early (a full disk), or an empty text.
  const std::string& stopped() const { return stopped_; }

 private:
  // What is dear is done again only when its cost is so small a share of the time since.
  class Seldom {
   public:
    bool due(double time) const { return time >= due_; }
    void did(double began);

   private:
    double due_ = 0;
  };

  // Name -> text, of what tells it.
  std::vector<std::pair<std::string, std::string>> power();
  void memory(JsonObject& line, ProcessTree& tree);
  void conditions(JsonObject& line);
  void write(const std::string& line);

  const Options& options_;
  std::array<char, 1 << 15> buffer_{};  // more than a second's lines
  FILE* file_ = nullptr;
  std::vector<std::pair<std::string, OpenSmallFile>> power_files_;
  double due_ = 0, flush_due_ = 0;
  double peak_resident_ = 0, peak_proportional_ = 0;
  size_t most_processes_ = 0, count_ = 0;
  Seldom look_, proportional_, resident_, conditions_;
  std::string stopped_;
};

}  // namespace edgebnn::measure
