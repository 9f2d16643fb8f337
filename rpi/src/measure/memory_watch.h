// The memory of a command and of all that it starts, sample by sample, and its peaks.
#pragma once

#include <cstddef>

#include "../json.h"
#include "process_tree.h"
#include "seldom.h"

namespace edgebnn::measure {

class MemoryWatch {
 public:
  // To be called once before the command starts: what runs by then is not of its tree.
  void begin(pid_t root) { tree_.start(root); }
  // Adds what is asked this time to a sample's line.
  void sample(JsonObject& line);

  // Bytes; 0 if none was ever told.
  double peak_resident() const { return peak_resident_; }
  double peak_proportional() const { return peak_proportional_; }
  size_t most_processes() const { return most_processes_; }

 private:
  ProcessTree tree_;
  Seldom look_, proportional_, resident_;
  size_t in_system_ = 0;  // processes, at the last look
  double peak_resident_ = 0, peak_proportional_ = 0;
  double latest_resident_ = 0, asked_at_ = 0;  // the latter: the most when pss was asked
  size_t most_processes_ = 0;
};

}  // namespace edgebnn::measure
