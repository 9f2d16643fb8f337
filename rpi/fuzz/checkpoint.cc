// A checkpoint of a small run; training goes on from one that is taken, to its end.
#include "checkpoint.h"

#include "input.h"
#include "small.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  static fuzz::Small small;
  std::string content(reinterpret_cast<const char*>(data), bytes);
  fuzz::put(content, 16, static_cast<uint64_t>(bytes));
  fuzz::seal(content);
  const fuzz::File file(content);
  return fuzz::expect_read_or_refused([&] {
    edgebnn::Checkpoint checkpoint = small.checkpoint(file.path());
    edgebnn::Trainer trainer = small.trainer();
    trainer.resume(checkpoint);
    const edgebnn::Progress& done = trainer.run(0, {}, [](const auto&) {});
    if (done.epoch != 3 || done.validation_accuracy_of.size() != 3) abort();
  });
}
