// A process and all that it started, and the memory that they take together.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "small_file.h"

namespace edgebnn::measure {

// How many processes the system has, 0 if it does not tell. Cheap.
size_t processes_in_system();

class ProcessTree {
 public:
  // Made before the command starts: what runs by then is not ours.
  ProcessTree();
  void start(pid_t root) { processes_.emplace_back(root); }

  // Looks for processes that were started since, through all that are new in the system. One whose
  // parent has ended is ours too, as it becomes this process's child (PR_SET_CHILD_SUBREAPER).
  void look();
  size_t size() const { return processes_.size(); }

  // Bytes of the resident sets: what several share counts in each. Cheap.
  std::optional<double> resident();
  // Bytes of the proportional sets: what n share counts as an nth in each. Dear: the kernel walks
  // all pages. Nothing where the kernel does not tell (before 4.14).
  std::optional<double> proportional() const;

 private:
  struct Process {
    explicit Process(pid_t pid);
    pid_t pid;
    OpenSmallFile statm;
  };

  bool ours(pid_t pid) const;

  std::vector<Process> processes_;  // the root first
  std::vector<pid_t> others_;       // of the system, sorted: known not to be ours
};

}  // namespace edgebnn::measure
