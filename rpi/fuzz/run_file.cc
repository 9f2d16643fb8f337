// A run file, and what is made of it before any work: the network and the plan of its memory.
#include "run_file.h"

#include "input.h"
#include "network.h"
#include "plan.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  const fuzz::File file({reinterpret_cast<const char*>(data), bytes});
  return fuzz::expect_read_or_refused([&] {
    const edgebnn::RunFile run = edgebnn::read_run_file(file.path());
    const edgebnn::Network network = edgebnn::compile(run);
    edgebnn::Arena arena;
    edgebnn::make_plan(run, network, arena, 2);
  });
}
