// The packed data set (docs/formats.md), read image by image: the file never becomes resident.
#pragma once

#include <cstdint>
#include <string>

#include "network.h"

namespace edgebnn {

class DataFile {
 public:
  // Checks header, length, payload checksum and labels before anything is trained; throws
  // InputError naming the file. Of a `verified` one, known to be whole, the images are not read.
  explicit DataFile(const std::string& path, bool verified = false);
  ~DataFile();
  DataFile(const DataFile&) = delete;
  DataFile& operator=(const DataFile&) = delete;

  enum Split { train, validation, test };

  const std::string& path() const { return path_; }
  const Shape& shape() const { return shape_; }
  int classes() const { return classes_; }
  uint64_t count(Split split) const { return counts_[split]; }
  // CRC-32 of all images and labels.
  uint32_t checksum() const { return checksum_; }

  // How many test images have the commonest label: what guessing it gets right.
  uint64_t commonest() const { return commonest_; }

  // Reads image `index` (shape().size() bytes) and returns its label. Throws JobError if the file
  // has shrunk or the disk fails.
  int read(Split split, uint64_t index, uint8_t* image) const;

 private:
  void read_at(void* to, size_t bytes, uint64_t offset) const;
  void check_payload(bool verified);

  std::string path_;
  int descriptor_ = -1;
  Shape shape_;
  int classes_ = 0;
  uint32_t checksum_ = 0;
  uint64_t commonest_ = 0;
  uint64_t counts_[3] = {};
  uint64_t offsets_[3] = {};
};

}  // namespace edgebnn
