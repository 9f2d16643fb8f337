// What memory a command may take. A cgroup counts all of it, as a board without swap would; where
// none may be made, the limit of a process's data (ulimit -d) counts what it could write to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace edgebnn::measure {

class MemoryLimit {
 public:
  // Makes a cgroup beside this process's own, if it may; none without a limit.
  explicit MemoryLimit(std::optional<long> mib);
  // Takes the cgroup away once nothing is in it.
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

  double bytes() const { return bytes_; }
  // "cgroup", "ulimit", or an empty text if there is no limit.
  const char* by() const { return bytes_ == 0 ? "" : group_.empty() ? "ulimit" : "cgroup"; }
  // Puts this process, the child before it becomes the command, under the limit.
  bool enter() const;
  // How many processes the system has killed for memory, in this cgroup or, without one, in all.
  static uint64_t kills();

 private:
  double bytes_ = 0;
  std::string group_;  // its folder
};

}  // namespace edgebnn::measure
