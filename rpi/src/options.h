// The command line of edgebnn-train.
#pragma once

#include <cstddef>
#include <string>

namespace edgebnn {

struct Options {
  std::string run, data, output, dump;
  bool plan = false, help = false;
  size_t steps = 0;  // 0: all
  size_t threads = 1;
};

inline constexpr const char* kUsage =
    "usage: edgebnn-train --run FILE --data FILE [--output FILE] [--threads N]\n"
    "                     [--steps N] [--dump FILE]\n"
    "       edgebnn-train --run FILE --plan [--threads N]\n"
    "  --run FILE     what to train (key value lines)\n"
    "  --data FILE    the packed data set\n"
    "  --output FILE  the record, written when all is done\n"
    "  --plan         print the arena's buffers and their lives, and train nothing\n"
    "  --threads N    work on N threads (default 1); the results are the same\n"
    "  --steps N      stop after N steps\n"
    "  --dump FILE    the state after each step, for comparison with another engine\n"
    "JSON lines on standard output; exit status 1 if the job fails, 2 for bad input.\n";

// Throws InputError naming the option.
Options parse_options(int count, char** arguments);

}  // namespace edgebnn
