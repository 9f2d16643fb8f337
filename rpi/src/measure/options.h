// The command line of edgebnn-measure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace edgebnn::measure {

struct Options {
  std::string output, samples;
  double interval = 1, idle = 0;                              // seconds
  std::vector<std::pair<std::string, std::string>> files;     // name -> a file that tells power
  std::vector<std::pair<std::string, std::string>> programs;  // name -> a command that does
  std::optional<long> memory_limit_mib;
  std::optional<double> time_limit;  // seconds
  std::string sys = "/sys";
  bool clock = false, help = false;
  char** command = nullptr;
};

inline constexpr const char* kUsage =
    "usage: edgebnn-measure --output FILE [--samples FILE [--interval SECONDS] [--idle SECONDS]\n"
    "                       [--read NAME=FILE]... [--ask NAME=COMMAND]...]\n"
    "                       [--memory-limit MIB] [--time-limit SECONDS] -- COMMAND ...\n"
    "       edgebnn-measure --clock\n"
    "  --output FILE    what the command took, one JSON object, written when it has ended\n"
    "  --samples FILE   what was seen on the way, a JSON object a line: memory of the command\n"
    "                   and all that it starts, temperature, clock, throttling, power\n"
    "  --interval SECONDS  between two samples (default 1, 0.01 to 3600). What is dear to ask is\n"
    "                   asked more seldom: so that it takes a 4,000th of a core\n"
    "  --idle SECONDS   samples that long before the command starts (default 0)\n"
    "  --read NAME=FILE   a file that tells power or energy: its text is in each sample\n"
    "  --ask NAME=COMMAND  a command that does, its words separated by spaces\n"
    "  --memory-limit MIB  what the command may take: by a cgroup where there may be one, else by\n"
    "                   the limit of a process's data (ulimit -d)\n"
    "  --time-limit SECONDS  how long the command may run: then it gets SIGTERM, and SIGKILL if "
    "it\n"
    "                   still runs 10 s later\n"
    "  --sys DIR        where the system tells of itself (default /sys)\n"
    "  --clock          answers each line of standard input with the time, in seconds of the\n"
    "                   clock that samples have\n"
    "The command's output and exit status pass through; SIGTERM, SIGINT and SIGHUP are handed "
    "on.\n";

// Throws InputError naming the option.
Options parse_options(int count, char** arguments);

}  // namespace edgebnn::measure
