#include "memory_limit.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "small_file.h"

namespace edgebnn::measure {
namespace {

// One way to have a cgroup with a limit: the file of the limit, those that keep it off the swap.
struct Kind {
  const char* mark;  // in /proc/self/cgroup, before the folder
  const char* root;
  const char* limit;
  const char* swap;
  const char* no_swap;
};

constexpr Kind kKinds[] = {
    {":memory:", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.swappiness", "0"},
    {"0::", "/sys/fs/cgroup", "memory.max", "memory.swap.max", "0"},
};

// The folder of a new cgroup with this limit, or an empty text.
std::string make_group(const std::string& folder, const Kind& kind, const std::string& bytes) {
  const std::string group = folder + "/edgebnn-" + std::to_string(getpid());
  if (mkdir(group.c_str(), 0755) != 0) return "";
  if (write_small(group + "/" + kind.limit, bytes)) {
    write_small(group + "/" + kind.swap, kind.no_swap);  // a system without swap has no such file
    return group;
  }
  rmdir(group.c_str());
  return "";
}

std::string own_group(const Kind& kind) {
  std::ifstream lines("/proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    const size_t at = line.find(kind.mark);
    if (at == std::string::npos) continue;
    const std::string folder = line.substr(at + std::strlen(kind.mark));
    return kind.root + (folder == "/" ? "" : folder);
  }
  return "";
}

}  // namespace

MemoryLimit::MemoryLimit(std::optional<long> mib) {
  if (!mib) return;
  const auto bytes = static_cast<unsigned long long>(*mib) << 20;
  bytes_ = static_cast<double>(bytes);
  for (const Kind& kind : kKinds) {
    const std::string own = own_group(kind);
    if (own.empty()) continue;
    // Within one's own, where that may hold others, else beside it.
    for (const std::string& folder : {own, own.substr(0, own.rfind('/'))}) {
      group_ = make_group(folder, kind, std::to_string(bytes));
      if (!group_.empty()) return;
    }
  }
}

MemoryLimit::~MemoryLimit() {
  for (int i = 0; !group_.empty() && rmdir(group_.c_str()) != 0 && i < 50; ++i) usleep(20000);
}

bool MemoryLimit::enter() const {
  if (bytes_ == 0) return true;
  if (!group_.empty()) return write_small(group_ + "/cgroup.procs", std::to_string(getpid()));
  const auto most = static_cast<rlim_t>(bytes_);
  const rlimit limit{most, most};
  return setrlimit(RLIMIT_DATA, &limit) == 0;
}

uint64_t MemoryLimit::kills() {
  std::ifstream words("/proc/vmstat");
  for (std::string name, value; words >> name >> value;) {
    if (name == "oom_kill") return std::strtoull(value.c_str(), nullptr, 10);
  }
  return 0;
}

}  // namespace edgebnn::measure
