// edgebnn-train: trains one run on one device, and uses what was trained.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "errors.h"
#include "initial_weights.h"
#include "json.h"
#include "network_file.h"
#include "options.h"
#include "output_file.h"
#include "predict.h"
#include "profile.h"
#include "trainer.h"

#ifndef EDGEBNN_VERSION
#define EDGEBNN_VERSION "unknown"
#endif

namespace edgebnn {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

void print_plan(const Arena& arena, const Phases& phases) {
  std::printf("%-28s %-6s %-12s %12s %14s\n", "variable", "type", "phases", "MiB", "bytes");
  for (const Buffer& buffer : arena.buffers()) {
    const std::string life =
        std::to_string(buffer.life.first) + ".." + std::to_string(buffer.life.last);
    std::printf("%-28s %-6s %-12s %12.4f %14zu\n", buffer.name.c_str(), buffer.type.c_str(),
                life.c_str(), static_cast<double>(buffer.bytes) / kMiB, buffer.bytes);
  }
  std::printf("%-28s %-6s %-12s %12.4f %14zu\n", "arena", "", "",
              static_cast<double>(arena.planned_bytes()) / kMiB, arena.planned_bytes());
  std::printf(
      "phases: 0..%d forward, %d loss, %d..%d backward; buffers of disjoint phases share memory\n",
      phases.blocks - 1, phases.loss(), phases.loss() + 1, phases.last());
}

// The plan as one line; offsets and lives show which buffers share memory.
void print_plan_line(const Arena& arena, const Phases& phases) {
  std::printf("{\"event\":\"plan\",\"arena_bytes\":%zu,\"blocks\":%d,\"buffers\":[",
              arena.planned_bytes(), phases.blocks);
  const char* separator = "";
  for (const Buffer& buffer : arena.buffers()) {
    std::printf("%s{\"name\":\"%s\",\"type\":\"%s\",\"life\":[%d,%d],\"bytes\":%zu,\"offset\":%zu}",
                separator, buffer.name.c_str(), buffer.type.c_str(), buffer.life.first,
                buffer.life.last, buffer.bytes, buffer.offset);
    separator = ",";
  }
  std::printf("]}\n");
  std::fflush(stdout);
}

// Linear interpolation between order statistics; 0 without values.
double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

JsonObject record(const RunFile& run, const DataFile& data, const Progress& done,
                  const Arena& arena, const Kernels& kernels, size_t threads) {
  JsonObject metrics, series, versions, record;
  const auto tested = static_cast<double>(data.count(DataFile::test));
  metrics.add("test_accuracy", done.test_accuracy)
      .add("test_loss", done.test_loss)
      .add("test_accuracy_at_best", done.test_accuracy_at_best)
      .add("test_images", tested)
      .add("guessing_accuracy", static_cast<double>(data.commonest()) / tested)
      .add("validation_accuracy", done.validation_accuracy_of.back())
      .add("best_validation_accuracy", done.best_validation_accuracy)
      .add("time_per_batch_q1_s", quantile(done.step_seconds, 0.25))
      .add("time_per_batch_s", quantile(done.step_seconds, 0.5))
      .add("time_per_batch_q3_s", quantile(done.step_seconds, 0.75))
      .add("train_time_s", done.train_seconds)
      .add("arena_planned_bytes", static_cast<double>(arena.planned_bytes()))
      .add("arena_peak_bytes", static_cast<double>(done.arena_peak_bytes))
      .add("process_peak_bytes", static_cast<double>(done.process_peak_bytes))
      .add("threads", static_cast<double>(threads))
      .add("steps", static_cast<double>(done.steps));
  series.add("loss", done.loss_of)
      .add("accuracy", done.accuracy_of)
      .add("validation_loss", done.validation_loss_of)
      .add("validation_accuracy", done.validation_accuracy_of);
  versions.add("edgebnn-train", EDGEBNN_VERSION)
      .add("compiler", __VERSION__)
      .add("kernels", kernels.name);
  return record.add("event", "record")
      .add("run_id", run.run_id)
      .add("metrics", metrics)
      .add("series", series)
      .add("versions", versions);
}

void print_epoch(const EpochReport& report, int epochs) {
  JsonObject line;
  line.add("event", "epoch")
      .add("epoch", report.epoch)
      .add("epochs", epochs)
      .add("loss", report.loss)
      .add("accuracy", report.accuracy)
      .add("validation_loss", report.validation_loss)
      .add("validation_accuracy", report.validation_accuracy)
      .add("seconds", report.seconds);
  std::printf("%s\n", line.text().c_str());
  std::fflush(stdout);
}

// What --resume came to.
void print_resume(const Checkpoint::Resumed& resumed, const Progress& progress,
                  const std::string& checkpoint) {
  if (resumed.from.empty()) {
    std::fprintf(stderr, "edgebnn-train: %s: no checkpoint yet; starting anew\n",
                 checkpoint.c_str());
    return;
  }
  JsonObject line;
  line.add("event", "resume")
      .add("epoch", static_cast<double>(progress.epoch))
      .add("step", static_cast<double>(progress.step))
      .add("from", resumed.from);
  if (!resumed.refused.empty()) {
    std::fprintf(stderr, "edgebnn-train: warning: %s; going on from %s\n", resumed.refused.c_str(),
                 resumed.from.c_str());
    line.add("refused", resumed.refused);
  }
  std::printf("%s\n", line.text().c_str());
  std::fflush(stdout);
}

// What the run begins from, if not from its seed.
std::optional<InitialWeights> initial_weights(const Options& options, const RunFile& run,
                                              const Network& network) {
  if (run.init.empty() != options.init.empty()) {
    throw InputError(run.init.empty() ? "--init: " + run.path + " has no line 'init'"
                                      : "--init: missing; " + run.path + " has the line 'init'");
  }
  if (run.init.empty() && !run.frozen.empty())
    throw InputError(run.path + ": freeze: goes with 'init'; random weights would stay random");
  if (run.init.empty()) return std::nullopt;
  return std::optional<InitialWeights>(std::in_place, options.init, run, network);
}

void train(const Options& options) {
  const RunFile run = read_run_file(options.run);
  const Network network = compile(run);
  if (!options.export_file.empty()) check_exportable(run, network);
  const Kernels kernels = chosen_kernels();
  Arena arena;
  const Plan plan = make_plan(run, network, arena, options.threads);
  Threads threads(options.threads);
  Model model(run, network, plan, kernels, arena, threads);
  if (options.plan) {
    options.json ? print_plan_line(arena, plan.phases) : print_plan(arena, plan.phases);
    return;
  }
  const DataFile data(options.data, options.verified);
  Trainer trainer(run, data, model);
  const std::optional<InitialWeights> initial = initial_weights(options, run, network);
  for (const std::string& path : {options.output, options.dump, options.stamps, options.profile,
                                  options.checkpoint, options.export_file}) {
    if (!path.empty()) check_writable(path);
  }
  arena.allocate();
  model.initialise(run.seed);
  if (initial) initial->load(model);
  print_plan_line(arena, plan.phases);
  std::optional<Checkpoint> checkpoint;
  if (!options.checkpoint.empty()) {
    const auto every = static_cast<double>(options.checkpoint_every);
    checkpoint.emplace(options.checkpoint, every, run, data, model);
  }
  if (options.resume) {
    const Checkpoint::Resumed resumed = trainer.resume(*checkpoint);
    print_resume(resumed, trainer.progress(), options.checkpoint);
  }
  std::optional<Dump> dump;
  if (!options.dump.empty()) dump.emplace(options.dump, run, model, arena);
  std::optional<Stamps> stamps;
  if (!options.stamps.empty()) stamps.emplace(options.stamps);
  const Trainer::Along along{dump ? &*dump : nullptr, stamps ? &*stamps : nullptr,
                             checkpoint ? &*checkpoint : nullptr};
  const Progress& done = trainer.run(
      options.steps, along, [&](const EpochReport& report) { print_epoch(report, run.epochs); });
  if (dump) dump->finish();
  if (stamps) stamps->finish();
  if (!options.profile.empty())
    write_file(options.profile, profile_of(network, plan.phases, arena));
  if (!options.export_file.empty()) write_network(options.export_file, run, model, arena);
  const std::string line = record(run, data, done, arena, kernels, options.threads).text() + "\n";
  if (!options.output.empty()) write_file(options.output, line);
  std::fputs(line.c_str(), stdout);
}

void predict(const Options& options) {
  const NetworkFile network(options.predict);
  const DataFile data(options.data, options.verified);
  const Kernels kernels = chosen_kernels();
  Threads threads(options.threads);
  std::optional<OutputFile> output;
  if (!options.output.empty()) {
    check_writable(options.output);
    output.emplace(options.output);
  }
  const uint64_t correct = predict_test_images(network, data, kernels, threads, [&](int32_t label) {
    const std::string line = std::to_string(label) + "\n";
    if (output) output->write(line.data(), line.size());
  });
  if (output) output->finish();
  const auto images = static_cast<double>(data.count(DataFile::test));
  JsonObject line;
  line.add("event", "predictions").add("images", images).add("kernels", kernels.name);
  if (images > 0) line.add("accuracy", static_cast<double>(correct) / images);
  std::printf("%s\n", line.text().c_str());
}

int main_of(int count, char** arguments) {
  try {
    const Options options = parse_options(count, arguments);
    if (options.help) {
      std::fputs(kUsage, stdout);
      return 0;
    }
    options.predict.empty() ? train(options) : predict(options);
    if (std::fflush(stdout) != 0 || std::ferror(stdout))
      throw JobError("standard output cannot be written");
    return 0;
  } catch (const InputError& error) {
    std::fprintf(stderr, "edgebnn-train: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "edgebnn-train: %s\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace edgebnn

int main(int count, char** arguments) { return edgebnn::main_of(count, arguments); }
