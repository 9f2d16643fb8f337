// A packed data file; one that is taken is read to its last image.
#include "data_file.h"

#include <vector>

#include "input.h"

using edgebnn::DataFile;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  std::string content(reinterpret_cast<const char*>(data), bytes);
  if (bytes >= 64) {
    fuzz::put(content, 40, fuzz::checksum_of(content, 64, bytes));
    fuzz::put(content, 60, fuzz::checksum_of(content, 0, 60));
  }
  const fuzz::File file(content);
  return fuzz::expect_read_or_refused([&] {
    const DataFile images(file.path());
    // Without an image, a file of 64 bytes may promise a shape of any size.
    std::vector<uint8_t> image;
    for (const auto split : {DataFile::train, DataFile::validation, DataFile::test}) {
      for (uint64_t i = 0; i < images.count(split); ++i) {
        image.resize(images.shape().size());
        if (images.read(split, i, image.data()) >= images.classes()) abort();
      }
    }
  });
}
