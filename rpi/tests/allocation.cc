// All memory of training is planned: a step allocates nothing, nor does a checkpoint.
#include <atomic>
#include <cstdlib>
#include <new>

#include "check.h"
#include "checkpoint.h"
#include "checkpoints.h"
#include "process_peak.h"
#include "runs.h"
#include "stamps.h"

using namespace edgebnn;

namespace {

std::atomic<size_t> allocations{0};

void* counted(size_t bytes, size_t align = alignof(std::max_align_t)) {
  ++allocations;
  // To the byte where it can be: what watches memory sees the first byte behind it.
  void* memory = align <= alignof(std::max_align_t)
                     ? std::malloc(bytes + (bytes == 0))
                     : std::aligned_alloc(align, (bytes + align) / align * align);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// The other forms end in these; a sanitizer's own would not.
void* operator new(size_t bytes) { return counted(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes); }
void* operator new(size_t bytes, std::align_val_t align) {
  return counted(bytes, static_cast<size_t>(align));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace {

size_t allocations_of_a_step(RunFile run, size_t threads) {
  tests::Bench bench(std::move(run), threads);
  Model model(bench.run, bench.network, bench.plan, all_kernels().back(), bench.arena,
              bench.threads);
  model.initialise(1);
  const auto fill = [&] {
    model.begin();
    for (size_t i = 0; i < bench.batch() * bench.network.input.size(); ++i)
      model.images()[i] = static_cast<uint8_t>(i * 37);
    for (size_t b = 0; b < bench.batch(); ++b) model.labels()[b] = static_cast<int32_t>(b % 3);
  };
  const tests::CheckpointFolder folder;
  const DataFile data(folder.write_data());
  Stamps stamps(folder.path("stamps"));
  Checkpoint checkpoint(folder.path("state"), 0, bench.run, data, model);
  const Progress progress;
  const auto step = [&] {
    fill();
    const auto begin = Clock::now();
    model.train(0.01f);
    stamps.step(begin, Clock::now());
    if (checkpoint.due()) checkpoint.save(progress);
    fill();
    model.evaluate(bench.batch() - 1);
  };
  step();
  step();  // now there are two generations
  const size_t before = allocations;
  step();
  process_peak_bytes();
  return allocations - before;
}

}  // namespace

TEST("a step, an evaluation and a checkpoint allocate nothing") {
  const std::vector<std::string> dense = {"flatten", "dense 65", "batch_norm",
                                          "sign",    "dense 3",  "batch_norm"};
  const std::vector<std::string> conv = {
      "conv 5 3 1 same", "max_pool 2", "batch_norm", "sign",
      "conv 7 3 1 same", "batch_norm", "sign",       "max_pool 2",
      "flatten",         "dense 3",    "batch_norm"};
  const size_t before = allocations;
  ::operator delete(::operator new(1));
  EQUAL(allocations - before, size_t{1});  // the counter counts
  for (const auto& layers : {dense, conv}) {
    for (const char* optimizer : {"adam", "sgd", "bop"}) {
      RunFile run = tests::run_of({8, 8, 2}, layers, 6);
      run.optimizer = optimizer;
      EQUAL(allocations_of_a_step(run, 1), size_t{0});
      EQUAL(allocations_of_a_step(run, 3), size_t{0});
      run.switches = tests::standard();
      EQUAL(allocations_of_a_step(run, 2), size_t{0});
    }
  }
}
