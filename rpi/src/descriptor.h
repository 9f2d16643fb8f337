// Files read and written from end to end, with their checksum.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>

#include "crc32.h"

namespace edgebnn {

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : number_(open(path.c_str(), flags, 0644)) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;

  bool is_open() const { return number_ >= 0; }
  bool status(struct stat& status) const { return fstat(number_, &status) == 0; }
  bool sync() const { return fsync(number_) == 0; }

  bool put(const void* data, size_t bytes) const {
    for (const auto* next = static_cast<const uint8_t*>(data); bytes > 0;) {
      const ssize_t wrote = write(number_, next, bytes);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return false;
      next += wrote;
      bytes -= static_cast<size_t>(wrote);
    }
    return true;
  }

  bool get(void* data, size_t bytes) const {
    for (auto* next = static_cast<uint8_t*>(data); bytes > 0;) {
      const ssize_t got = read(number_, next, bytes);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      next += got;
      bytes -= static_cast<size_t>(got);
    }
    return true;
  }

 private:
  int number_;
};

// Reads on, and counts the bytes into a checksum.
struct Summed {
  const Descriptor& file;
  Crc32 crc;

  bool get(void* data, size_t bytes) {
    if (!file.get(data, bytes)) return false;
    crc.add(data, bytes);
    return true;
  }
  bool skip(uint64_t bytes) {
    uint8_t chunk[16384];
    for (uint64_t left = bytes; left > 0;) {
      const auto now = static_cast<size_t>(std::min<uint64_t>(left, sizeof chunk));
      if (!get(chunk, now)) return false;
      left -= now;
    }
    return true;
  }
};

}  // namespace edgebnn
