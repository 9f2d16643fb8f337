#include "data_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "crc32.h"
#include "errors.h"

namespace edgebnn {
namespace {

constexpr uint64_t kHeader = 64;
constexpr uint64_t kMostImageBytes = 1 << 30;  // so that three splits' sum stays below 2^64

uint32_t little(const uint8_t* bytes) {
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

}  // namespace

DataFile::DataFile(const std::string& path, bool verified) : path_(path) {
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) throw InputError(path + ": cannot be read: " + std::strerror(errno));
  struct stat status{};
  fstat(descriptor_, &status);
  if (!S_ISREG(status.st_mode)) throw InputError(path + ": cannot be read: not a file");
  const auto bytes = static_cast<uint64_t>(status.st_size);
  if (bytes < kHeader) {
    throw InputError(path + ": truncated: " + std::to_string(bytes) +
                     " bytes, the header alone has 64");
  }
  uint8_t header[kHeader];
  read_at(header, kHeader, 0);
  if (std::memcmp(header, "EDGEBNND", 8) != 0) {
    throw InputError(path + ": not a packed data set: it does not begin with EDGEBNND");
  }
  Crc32 crc;
  crc.add(header, 60);
  if (crc.value() != little(header + 60)) {
    throw InputError(path + ": damaged: the header's checksum does not match");
  }
  if (little(header + 8) != 1) {
    throw InputError(path + ": version " + std::to_string(little(header + 8)) +
                     "; this trainer reads version 1");
  }
  uint64_t image_bytes = 1;
  for (int i = 0; i < 3; ++i) {
    const uint32_t side = little(header + 12 + 4 * i);
    image_bytes *= side;
    if (side - 1 > 65534 || image_bytes > kMostImageBytes)
      throw InputError(path + ": image shape out of range");
    counts_[i] = little(header + 28 + 4 * i);
  }
  shape_ = {static_cast<int>(little(header + 12)), static_cast<int>(little(header + 16)),
            static_cast<int>(little(header + 20))};
  classes_ = static_cast<int>(std::min<uint32_t>(little(header + 24), 1 << 20));
  uint64_t offset = kHeader;
  for (int split = 0; split < 3; ++split) {
    offsets_[split] = offset;
    offset += counts_[split] * (shape_.size() + 1);
  }
  if (offset != bytes) {
    throw InputError(path + ": " + std::to_string(bytes) + " bytes, its header promises " +
                     std::to_string(offset));
  }
  checksum_ = little(header + 40);
  check_payload(verified);
}

DataFile::~DataFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

int DataFile::read(Split split, uint64_t index, uint8_t* image) const {
  read_at(image, shape_.size(), offsets_[split] + index * shape_.size());
  uint8_t label = 0;
  read_at(&label, 1, offsets_[split] + counts_[split] * shape_.size() + index);
  return label;
}

void DataFile::read_at(void* to, size_t bytes, uint64_t offset) const {
  auto* next = static_cast<uint8_t*>(to);
  while (bytes > 0) {
    const ssize_t got = pread(descriptor_, next, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      throw JobError(
          path_ + ": reading failed: " + (got < 0 ? std::strerror(errno) : "the file has shrunk"));
    }
    next += got;
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<size_t>(got);
  }
}

void DataFile::check_payload(bool verified) {
  Crc32 crc;
  std::array<uint64_t, 256> tested{};
  std::array<uint8_t, 16384> chunk;
  for (int split = 0; split < 3; ++split) {
    const uint64_t images = counts_[split] * shape_.size(), end = images + counts_[split];
    for (uint64_t done = verified ? images : 0; done < end;) {
      // A chunk holds images or labels, never both.
      const uint64_t part_end = done < images ? images : end;
      const auto bytes = static_cast<size_t>(std::min<uint64_t>(chunk.size(), part_end - done));
      read_at(chunk.data(), bytes, offsets_[split] + done);
      crc.add(chunk.data(), bytes);
      if (done >= images) {
        for (size_t i = 0; i < bytes; ++i) {
          if (split == test) ++tested[chunk[i]];
          if (chunk[i] < classes_) continue;
          throw InputError(path_ + ": label " + std::to_string(chunk[i]) + " of image " +
                           std::to_string(done - images + i) +
                           " is out of range; allowed are 0 to " + std::to_string(classes_ - 1));
        }
      }
      done += bytes;
    }
  }
  if (!verified && crc.value() != checksum_) {
    throw InputError(path_ + ": damaged: the payload's checksum does not match");
  }
  commonest_ = *std::max_element(tested.begin(), tested.end());
}

}  // namespace edgebnn
