// The state of training in a file (docs/formats.md, "Checkpoint"), so that a power cut costs no
// more than what came after the last one.
//
// Theory of operation. The state is streamed from where it lies to FILE.part and synced; then FILE
// becomes FILE.previous and FILE.part becomes FILE, two renames. Whatever the moment of a crash,
// FILE or FILE.previous is a complete checkpoint. A file is believed only if its length and its
// checksum are right, and nothing is loaded from it before that is known. One that was refused is
// never made FILE.previous.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data_file.h"
#include "model.h"
#include "progress.h"
#include "run_file.h"

namespace edgebnn {

class Checkpoint {
 public:
  // `every`: seconds between checkpoints within an epoch; 0: after every step. The model's arena is
  // allocated.
  Checkpoint(std::string path, double every, const RunFile& run, const DataFile& data,
             Model& model);

  struct Resumed {
    std::string from;     // the file; empty if there was none
    std::string refused;  // why FILE was not taken, if it was not
  };
  // Continues from FILE, or else from FILE.previous; leaves all as it is if neither is there.
  // Throws InputError if what is there cannot be taken.
  Resumed resume(Progress& progress);

  // Whether it is time for one within the epoch.
  bool due() const;
  // Writes one. If it cannot, it says so on standard error, once until it can again; the older
  // files stay as they are. Allocates nothing.
  void save(const Progress& progress);

 private:
  // What is known of a file before anything is loaded from it.
  struct Found {
    bool missing = false;
    std::string refused;  // why it cannot be taken; empty if it can, or is missing
  };
  Found inspect(const std::string& path) const;
  std::string difference(const std::string& text) const;
  uint64_t bytes_with(const Position& position) const;
  void load(const std::string& path, Progress& progress);
  bool write_part(const Progress& progress) const;
  bool put_in_place();

  std::string path_, part_, previous_, folder_;
  std::chrono::duration<double> every_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  const RunFile& run_;
  const DataFile& data_;
  std::vector<std::span<uint8_t>> state_;  // the model's
  bool good_ = false;                      // FILE is a complete checkpoint of this run
  bool failed_ = false;                    // the last one could not be written
};

}  // namespace edgebnn
