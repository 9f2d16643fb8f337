// A network file; one that is taken predicts a few images, if they are small.
#include "network_file.h"

#include <vector>

#include "input.h"
#include "kernels/registry.h"
#include "predict.h"

namespace {

constexpr size_t kSmall = 1 << 12;  // values in each map

bool is_small(const edgebnn::Network& network) {
  bool small = network.input.size() <= kSmall;
  for (const edgebnn::Block& block : network.blocks)
    small = small && block.window.out.size() <= kSmall && block.fan_in() <= kSmall;
  return small;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  std::string content(reinterpret_cast<const char*>(data), bytes);
  fuzz::seal(content);
  const fuzz::File input(content);
  return fuzz::expect_read_or_refused([&] {
    const edgebnn::NetworkFile file(input.path());
    if (!is_small(file.network())) return;
    std::vector<uint8_t> images(2 * file.network().input.size(), 200);
    int32_t labels[2];
    for (const edgebnn::Kernels& kernels : edgebnn::all_kernels()) {
      if (!kernels.runs()) continue;
      edgebnn::Predictor(file, kernels).predict(images.data(), 2, labels);
      for (const int32_t label : labels)
        if (label < 0 || label >= file.network().classes()) abort();
    }
  });
}
