// A checkpoint is taken whole or not at all, whatever became of the file; and writing one allocates
// nothing (allocation.cc).
#include "checkpoint.h"

#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "check.h"
#include "checkpoints.h"
#include "crc32.h"
#include "trainer.h"

namespace edgebnn {
namespace {

std::string content_of(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

void write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

void put(std::string& content, size_t at, uint32_t value) {
  std::memcpy(content.data() + at, &value, sizeof value);
}

// The content with its last four bytes the checksum of all others.
std::string summed(std::string content) {
  Crc32 crc;
  crc.add(content.data(), content.size() - 4);
  put(content, content.size() - 4, crc.value());
  return content;
}

std::string state_of(Model& model) {
  std::string state;
  for (const auto& part : model.state())
    state.append(reinterpret_cast<const char*>(part.data()), part.size());
  return state;
}

Progress some_progress() {
  Progress progress;
  progress.epoch = 2, progress.step = 3, progress.steps = 11, progress.times = 3;
  progress.loss = 0.1;
  progress.loss_of = {1.5, 0.5};
  progress.accuracy_of = {0.25, 0.5};
  progress.validation_loss_of = {2, 1};
  progress.validation_accuracy_of = {0.125, 0.75};
  progress.step_seconds = {1, 2, 3};
  return progress;
}

struct Case {
  const uint32_t images = 0;  // of each split
  tests::CheckpointFolder folder{};
  tests::Bench bench{tests::small_run()};
  Model model{bench.run,   bench.network, bench.plan, all_kernels().back(),
              bench.arena, bench.threads};
  DataFile data{folder.write_data(images)};
  std::string path = folder.path("state");

  Checkpoint checkpoint() { return {path, 0, bench.run, data, model}; }
};

TEST("checkpoint: what was saved is what is resumed") {
  Case c;
  c.model.initialise(5);
  const std::string state = state_of(c.model);
  c.checkpoint().save(some_progress());
  EQUAL(access(c.folder.path("state.part").c_str(), F_OK), -1);
  c.model.initialise(6);
  EQUAL(state_of(c.model) == state, false);
  Progress progress;
  const Checkpoint::Resumed resumed = c.checkpoint().resume(progress);
  EQUAL(resumed.from, c.path);
  EQUAL(resumed.refused, "");
  EQUAL(state_of(c.model) == state, true);
  EQUAL(progress.steps, uint64_t{11});
  EQUAL(progress.loss, 0.1);
  EQUAL(progress.validation_accuracy_of == some_progress().validation_accuracy_of, true);
  EQUAL(progress.step_seconds == some_progress().step_seconds, true);
}

TEST("checkpoint: two generations") {
  Case c;
  Checkpoint checkpoint = c.checkpoint();
  Progress progress = some_progress();
  checkpoint.save(progress);
  const std::string first = content_of(c.path);
  progress.steps = 12;
  checkpoint.save(progress);
  EQUAL(content_of(c.folder.path("state.previous")) == first, true);
  EQUAL(content_of(c.path) == first, false);
}

TEST("checkpoint: a refused one never takes the place of a good one") {
  Case c;
  c.checkpoint().save(some_progress());
  const std::string good = content_of(c.path), previous = c.folder.path("state.previous");
  write(previous, good);
  write(c.path, good.substr(1));
  Checkpoint checkpoint = c.checkpoint();
  Progress progress;
  const Checkpoint::Resumed resumed = checkpoint.resume(progress);
  EQUAL(resumed.from, previous);
  CONTAINS(resumed.refused, c.path + ": not a checkpoint");
  checkpoint.save(progress);
  EQUAL(content_of(previous) == good, true);
  EQUAL(content_of(c.path) == good, true);
  write(c.path, "");
  c.checkpoint().save(progress);  // of a run that did not resume
  EQUAL(content_of(previous) == good, true);
  EQUAL(content_of(c.path) == good, true);
}

TEST("checkpoint: every damage is seen, and nothing is loaded") {
  Case c;
  c.checkpoint().save(some_progress());
  const std::string good = content_of(c.path), state = state_of(c.model);
  Progress progress;
  const auto refused = [&](const std::string& content) {
    write(c.path, content);
    CONTAINS(check::message_of([&] { c.checkpoint().resume(progress); }), c.path + ": ");
    EQUAL(progress.steps, uint64_t{0});
    EQUAL(state_of(c.model) == state, true);
  };
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << i % 8));
    refused(bad);
    refused(good.substr(0, i));
  }
  refused(good + '\0');
  write(c.path, good);
  EQUAL(c.checkpoint().resume(progress).from, c.path);
}

TEST("checkpoint: a checksum that is right makes nothing else right") {
  Case c;
  c.checkpoint().save(some_progress());
  const std::string good = content_of(c.path);
  const size_t position = 32 + c.bench.run.text.size();
  struct {
    size_t at;
    uint32_t value;
    const char* said;
  } const changes[] = {
      {8, 2, "version 2; this trainer reads version 1"},
      {12, 0xFFFFFFFF, "its header does not fit its length"},
      {12, 1, "of another run"},
      {20, 1, "its header promises"},
      {24, 1, "of other data"},
      {position, 3, "damaged: its parts"},
      {position, 1, "damaged: its parts"},
      {position + 4, 0x80000000, "damaged: its parts"},
      {position + 17 * 8, 4, "damaged: its parts"},
      {position + 17 * 8 + 4, 1, "damaged: its parts"},
  };
  for (const auto& change : changes) {
    std::string bad = good;
    put(bad, change.at, change.value);
    write(c.path, summed(bad));
    Progress progress;
    SAYS(c.checkpoint().resume(progress), change.said);
  }
  write(c.path, good);
  c.bench.run.text = "seed 2\n";
  Progress progress;
  SAYS(c.checkpoint().resume(progress), "it has 'seed 1' where case.run has 'seed 2'");
  c.bench.run.text = "seed 1\nepochs 3\nmore\n";
  SAYS(c.checkpoint().resume(progress), "it has '' where case.run has 'more'");
}

TEST("checkpoint: its steps are those of its epochs") {
  Case c{16};  // four steps an epoch
  Trainer trainer(c.bench.run, c.data, c.model);
  Checkpoint checkpoint = c.checkpoint();
  Progress progress = some_progress();
  const auto resumed = [&](uint64_t step, uint64_t steps) {
    progress.step = step, progress.steps = steps;
    c.checkpoint().save(progress);
    return check::message_of([&] { trainer.resume(checkpoint); });
  };
  const std::string nothing = "(nothing was thrown)", damaged = c.path + ": damaged: ";
  EQUAL(resumed(3, 11), nothing);
  EQUAL(trainer.progress().steps, uint64_t{11});
  EQUAL(resumed(4, 12), nothing);  // all steps of an epoch, before its end
  EQUAL(resumed(3, 12), damaged + "12 steps are not those of 2 epochs and 3 steps");
  EQUAL(resumed(3, 10), damaged + "10 steps are not those of 2 epochs and 3 steps");
  EQUAL(resumed(5, 13), damaged + "13 steps are not those of 2 epochs and 5 steps");
}

TEST("checkpoint: an unreadable one is refused, not crossed out") {
  Case c;
  EQUAL(mkdir(c.path.c_str(), 0755), 0);
  Progress progress;
  SAYS(c.checkpoint().resume(progress), "state: cannot be read: not a file");
  rmdir(c.path.c_str());
  EQUAL(c.checkpoint().resume(progress).from, "");
}

}  // namespace
}  // namespace edgebnn
