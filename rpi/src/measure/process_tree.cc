#include "process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

namespace edgebnn::measure {
namespace {

std::string file_of(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

// Of "pid (name) state parent ...", where a name may hold anything.
std::optional<pid_t> parent_of(pid_t pid) {
  const auto stat = read_small(file_of(pid, "stat"));
  if (!stat) return std::nullopt;
  const size_t name_ends = stat->rfind(')');
  if (name_ends == std::string::npos || name_ends + 4 > stat->size()) return std::nullopt;
  return static_cast<pid_t>(std::strtol(stat->c_str() + name_ends + 4, nullptr, 10));
}

// Sorted.
std::vector<pid_t> all_processes() {
  std::vector<pid_t> found;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return found;
  while (const dirent* entry = readdir(proc)) {
    const auto pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (pid > 0) found.push_back(pid);
  }
  closedir(proc);
  std::sort(found.begin(), found.end());
  return found;
}

// Of the kernel's "Name: 12 kB", in bytes.
std::optional<double> bytes_in(const std::optional<std::string>& text, const char* name) {
  const char* line = text ? std::strstr(text->c_str(), name) : nullptr;
  if (line == nullptr) return std::nullopt;
  return std::strtod(line + std::strlen(name), nullptr) * 1024;
}

}  // namespace

// The kernel counts them among the links of /proc.
size_t processes_in_system() {
  static const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat status{};
  return fstat(proc, &status) == 0 ? status.st_nlink : 0;
}

ProcessTree::Process::Process(pid_t pid) : pid(pid), statm(file_of(pid, "statm")) {}

ProcessTree::ProcessTree() : others_(all_processes()) {}

bool ProcessTree::ours(pid_t pid) const {
  return std::any_of(processes_.begin(), processes_.end(),
                     [&](const Process& process) { return process.pid == pid; });
}

void ProcessTree::look() {
  const std::vector<pid_t> all = all_processes();
  const auto is_in = [](const std::vector<pid_t>& sorted, pid_t pid) {
    return std::binary_search(sorted.begin(), sorted.end(), pid);
  };
  const auto gone = [&](const Process& process) { return !is_in(all, process.pid); };
  processes_.erase(std::remove_if(processes_.begin() + 1, processes_.end(), gone),
                   processes_.end());
  std::vector<std::pair<pid_t, pid_t>> fresh;  // with their parents
  for (const pid_t pid : all) {
    if (is_in(others_, pid) || ours(pid)) continue;
    if (const auto parent = parent_of(pid)) fresh.emplace_back(pid, *parent);
  }
  const pid_t self = getpid();
  for (bool grows = true; grows;) {
    grows = false;
    for (const auto& [pid, parent] : fresh) {
      if (ours(pid) || !(parent == self || ours(parent))) continue;
      processes_.emplace_back(pid);
      grows = true;
    }
  }
  others_.clear();
  std::copy_if(all.begin(), all.end(), std::back_inserter(others_),
               [&](pid_t pid) { return !ours(pid); });
}

// What has ended meanwhile takes nothing.
std::optional<double> ProcessTree::resident() {
  static const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  std::optional<double> total;
  for (Process& process : processes_) {
    const auto statm = process.statm.read();  // pages: size resident ...
    const char* second = statm ? std::strchr(statm->c_str(), ' ') : nullptr;
    if (second != nullptr) total = total.value_or(0) + std::strtod(second, nullptr) * page;
  }
  return total;
}

std::optional<double> ProcessTree::proportional() const {
  std::optional<double> total;
  for (const Process& process : processes_) {
    const auto bytes = bytes_in(read_small(file_of(process.pid, "smaps_rollup")), "\nPss:");
    if (bytes) total = total.value_or(0) + *bytes;
  }
  return total;
}

}  // namespace edgebnn::measure
