// A file of initial weights; one that is taken is loaded into the small run's model.
#include "initial_weights.h"

#include "input.h"
#include "small.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  std::string content(reinterpret_cast<const char*>(data), bytes);
  fuzz::seal(content);
  static fuzz::Small small;
  small.bench.run.init.clear();
  for (size_t i = 0; i < 4 && content.size() >= 4; ++i) {
    const auto byte = static_cast<uint8_t>(content[content.size() - 1 - i]);
    small.bench.run.init += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  }
  const fuzz::File input(content);
  return fuzz::expect_read_or_refused([&] {
    const edgebnn::InitialWeights weights(input.path(), small.bench.run, small.bench.network);
    small.model.initialise(7);
    weights.load(small.model);
  });
}
