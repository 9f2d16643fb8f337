// The command line of edgebnn-train.
#pragma once

#include <cstddef>
#include <string>

namespace edgebnn {

struct Options {
  std::string run, data, init, output, dump, stamps, profile, checkpoint, export_file, predict;
  bool plan = false, json = false, help = false, resume = false, verified = false;
  size_t steps = 0;  // 0: all
  size_t threads = 1;
  size_t checkpoint_every = 60;  // seconds; 0: every step
};

inline constexpr const char* kUsage =
    "usage: edgebnn-train --run FILE --data FILE [--verified] [--output FILE]\n"
    "                     [--threads N] [--steps N] [--dump FILE] [--stamps FILE]\n"
    "                     [--init FILE] [--profile FILE] [--export FILE]\n"
    "                     [--checkpoint FILE [--checkpoint-every SECONDS] [--resume]]\n"
    "       edgebnn-train --run FILE --plan [--json] [--threads N]\n"
    "       edgebnn-train --predict NETWORK --data FILE [--output FILE] [--threads N]\n"
    "  --run FILE     what to train (key value lines)\n"
    "  --data FILE    the packed data set\n"
    "  --verified     the data set is known to be whole: of its images the checksum is\n"
    "                 not read again; its header and labels are checked all the same\n"
    "  --init FILE    what training begins from, if the run says 'init'\n"
    "  --output FILE  the record, written when all is done; of --predict, the label\n"
    "                 found for each test image, one a line\n"
    "  --export FILE  the trained network, packed: a bit a weight, an integer a unit\n"
    "  --predict NETWORK  what an exported network makes of the test images, by\n"
    "                 integers alone between the pixels and the logits\n"
    "  --plan         print the arena's buffers and their lives, and train nothing\n"
    "  --json         the plan as one line of JSON, for programs\n"
    "  --threads N    work on N threads (default 1); the results are the same\n"
    "  --steps N      stop after N steps\n"
    "  --dump FILE    the state after each step, for comparison with another engine\n"
    "  --stamps FILE  when each step began and ended: two times a line, in seconds of the\n"
    "                 system's monotonic clock\n"
    "  --profile FILE  of the arena's buffers, in which phases of a step they were used\n"
    "  --checkpoint FILE  the state of training after each epoch, and within one after\n"
    "                 every so many SECONDS (default 60; 0: after every step); the one\n"
    "                 before it stays as FILE.previous\n"
    "  --resume       go on from the checkpoint, or from FILE.previous if it is damaged;\n"
    "                 if neither is there, start anew; the results are the same\n"
    "JSON lines on standard output; exit status 1 if the job fails, 2 for bad input.\n";

// Throws InputError naming the option.
Options parse_options(int count, char** arguments);

}  // namespace edgebnn
