// A packed data file whose checksums are right is still not trusted (tests/trainer/test_errors.py
// has the damaged ones).
#include "data_file.h"

#include <cstring>
#include <fstream>

#include "check.h"
#include "crc32.h"
#include "trained.h"

using namespace edgebnn;

namespace {

// A header alone: shape, classes, images in three splits. The checksum of no payload is 0.
std::string refusal_of(const uint32_t (&fields)[7]) {
  const tests::Folder folder;
  char header[64] = "EDGEBNND";
  const uint32_t version = 1;
  std::memcpy(header + 8, &version, sizeof version);
  std::memcpy(header + 12, fields, sizeof fields);
  Crc32 crc;
  crc.add(header, 60);
  const uint32_t sum = crc.value();
  std::memcpy(header + 60, &sum, sizeof sum);
  std::ofstream(folder.file(), std::ios::binary).write(header, sizeof header);
  return check::message_of([&] { DataFile file(folder.file()); });
}

}  // namespace

TEST("data file: no image, or more of them than the file has room for") {
  EQUAL(refusal_of({2, 3, 1, 4, 0, 0, 0}), "(nothing was thrown)");
  CONTAINS(refusal_of({2, 3, 1, 4, 1, 0, 0}), "64 bytes, its header promises 71");
  CONTAINS(refusal_of({1 << 15, 1 << 15, 1, 4, ~0u, ~0u, ~0u}),
           "its header promises 13835058064945840189");
}

TEST("data file: sizes that 64 bits do not hold") {
  // 2^31 images of 25·2^33 bytes with their labels: 2^64·25, which is 0.
  CONTAINS(refusal_of({12343, 8081, 2153, 4, 1u << 31, 0, 0}), "image shape out of range");
  CONTAINS(refusal_of({65535, 65535, 65535, 4, 0, 0, 0}), "image shape out of range");
  CONTAINS(refusal_of({65535, 65535, 1, 4, 0, 0, 0}), "image shape out of range");
  CONTAINS(refusal_of({0, 1, 1, 4, 0, 0, 0}), "image shape out of range");
}
