// When each training step began and ended, by the monotonic clock of the system: what power was
// sampled by the same clock is then joules a step. A line a step: "begin end", seconds.
#pragma once

#include <array>
#include <chrono>
#include <string>

#include "output_file.h"

namespace edgebnn {

// CLOCK_MONOTONIC, on every system that we build for.
using Clock = std::chrono::steady_clock;

class Stamps {
 public:
  explicit Stamps(const std::string& path) : file_(path) {}
  // Allocates nothing. Throws JobError if the file cannot be written.
  void step(Clock::time_point begin, Clock::time_point end);
  // Gives the file its name; without it nothing is left behind.
  void finish();

 private:
  void flush();

  OutputFile file_;
  std::array<char, 4096> text_{};
  size_t used_ = 0;
};

}  // namespace edgebnn
