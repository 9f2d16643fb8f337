// What the fuzzers share: an input as a file, and the two errors by which files are refused. Any
// other exception, signal or report of a sanitizer is a finding.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "crc32.h"
#include "errors.h"

namespace fuzz {

inline uint32_t checksum_of(const std::string& content, size_t from, size_t end) {
  edgebnn::Crc32 crc;
  crc.add(content.data() + from, end - from);
  return crc.value();
}

template <class Number>
void put(std::string& content, size_t at, Number value) {
  if (at + sizeof value <= content.size()) std::memcpy(&content[at], &value, sizeof value);
}

// The last four bytes are the checksum of all others: what lies behind that check is reached.
inline void seal(std::string& content) {
  if (content.size() < 4) return;
  put(content, content.size() - 4, checksum_of(content, 0, content.size() - 4));
}

// A file in memory, gone with the object.
class File {
 public:
  explicit File(const std::string& content) : descriptor_(memfd_create("input", 0)) {
    const auto bytes = static_cast<ssize_t>(content.size());
    if (descriptor_ < 0 || write(descriptor_, content.data(), content.size()) != bytes) abort();
  }
  ~File() { close(descriptor_); }
  File(const File&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

template <class Body>
int expect_read_or_refused(Body&& body) {
  try {
    body();
  } catch (const edgebnn::InputError&) {
  } catch (const edgebnn::JobError&) {
  }
  return 0;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes);
