// How long a command may run: at its limit it gets SIGTERM, and SIGKILL if it still runs 10 s
// later.
#pragma once

#include <sys/types.h>

#include <cmath>
#include <optional>

namespace edgebnn::measure {

class TimeLimit {
 public:
  // Seconds; nothing: any time.
  explicit TimeLimit(std::optional<double> seconds) : seconds_(seconds.value_or(0)) {}

  // 0 if there is none.
  double seconds() const { return seconds_; }
  // Whether the command ran past it.
  bool passed() const { return passed_; }
  // When the next signal is due: infinity for never.
  double due() const { return due_; }
  void begin(double start) {
    if (seconds_ > 0) due_ = start + seconds_;
  }
  // Sends the command, which runs, the signal that is due.
  void keep(pid_t command);

 private:
  double seconds_, due_ = INFINITY;
  bool passed_ = false;
};

}  // namespace edgebnn::measure
