// Random shifts and mirrorings of training images, drawn by position in an epoch
// (docs/numerics.md, "Augmentation").
#pragma once

#include <cstddef>
#include <cstdint>

#include "network.h"
#include "random.h"
#include "run_file.h"

namespace edgebnn {

class Augmentation {
 public:
  // Of one epoch, from 0, by the run's `seed`, `shift`, its fill and `flip`.
  Augmentation(const RunFile& run, const Shape& shape, uint64_t epoch);
  // Changes the image at a position of the epoch in place: [height][width][channels] u8.
  void apply(uint64_t position, uint8_t* image) const;

 private:
  Stream stream_;
  size_t height_, width_, channels_;
  int64_t most_down_, most_right_;  // pixels either way
  bool zero_fill_, flip_;
};

}  // namespace edgebnn
