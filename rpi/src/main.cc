// edgebnn-train: trains one run on one device.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "errors.h"
#include "json.h"
#include "options.h"
#include "output_file.h"
#include "trainer.h"

#ifndef EDGEBNN_VERSION
#define EDGEBNN_VERSION "unknown"
#endif

namespace edgebnn {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

void print_plan(const Arena& arena, const Phases& phases) {
  std::printf("%-28s %-6s %-12s %12s\n", "variable", "type", "phases", "MiB");
  for (const Buffer& buffer : arena.buffers()) {
    const std::string life =
        std::to_string(buffer.life.first) + ".." + std::to_string(buffer.life.last);
    std::printf("%-28s %-6s %-12s %12.4f\n", buffer.name.c_str(), buffer.type.c_str(), life.c_str(),
                static_cast<double>(buffer.bytes) / kMiB);
  }
  std::printf("%-28s %-6s %-12s %12.4f\n", "arena", "", "",
              static_cast<double>(arena.planned_bytes()) / kMiB);
  std::printf(
      "phases: 0..%d forward, %d loss, %d..%d backward; buffers of disjoint phases share memory\n",
      phases.blocks - 1, phases.loss(), phases.loss() + 1, phases.last());
}

void print_plan_line(const Arena& arena) {
  std::printf("{\"event\":\"plan\",\"arena_bytes\":%zu,\"buffers\":[", arena.planned_bytes());
  const char* separator = "";
  for (const Buffer& buffer : arena.buffers()) {
    std::printf("%s{\"name\":\"%s\",\"type\":\"%s\",\"life\":[%d,%d],\"bytes\":%zu}", separator,
                buffer.name.c_str(), buffer.type.c_str(), buffer.life.first, buffer.life.last,
                buffer.bytes);
    separator = ",";
  }
  std::printf("]}\n");
  std::fflush(stdout);
}

// Of this program alone. getrusage also counts what the process was before it became this program:
// a copy of whoever started it.
double process_peak_bytes() {
  const std::unique_ptr<FILE, int (*)(FILE*)> status(std::fopen("/proc/self/status", "re"),
                                                     [](FILE* file) { return std::fclose(file); });
  char line[256];
  while (status != nullptr && std::fgets(line, sizeof line, status.get()) != nullptr) {
    if (std::strncmp(line, "VmHWM:", 6) == 0) return std::strtod(line + 6, nullptr) * 1024.0;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024.0;  // Linux counts KiB
}

JsonObject record(const RunFile& run, const Outcome& outcome, const Arena& arena,
                  const Kernels& kernels) {
  const double best =
      *std::max_element(outcome.validation_accuracy.begin(), outcome.validation_accuracy.end());
  JsonObject metrics, series, versions, record;
  metrics.add("test_accuracy", outcome.test_accuracy)
      .add("test_loss", outcome.test_loss)
      .add("test_accuracy_at_best", outcome.test_accuracy_at_best)
      .add("validation_accuracy", outcome.validation_accuracy.back())
      .add("best_validation_accuracy", best)
      .add("time_per_batch_q1_s", outcome.step_seconds[0])
      .add("time_per_batch_s", outcome.step_seconds[1])
      .add("time_per_batch_q3_s", outcome.step_seconds[2])
      .add("train_time_s", outcome.train_seconds)
      .add("arena_planned_bytes", static_cast<double>(arena.planned_bytes()))
      .add("arena_peak_bytes", static_cast<double>(arena.peak_bytes()))
      .add("process_peak_bytes", process_peak_bytes())
      .add("steps", static_cast<double>(outcome.steps));
  series.add("loss", outcome.loss)
      .add("accuracy", outcome.accuracy)
      .add("validation_loss", outcome.validation_loss)
      .add("validation_accuracy", outcome.validation_accuracy);
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

void train(const Options& options) {
  const RunFile run = read_run_file(options.run);
  const Network network = compile(run);
  const Kernels& kernels = chosen_kernels();
  Arena arena;
  const Plan plan = make_plan(run, network, arena, options.threads);
  Threads threads(options.threads);
  Model model(run, network, plan, kernels, arena, threads);
  if (options.plan) {
    print_plan(arena, plan.phases);
    return;
  }
  const DataFile data(options.data);
  Trainer trainer(run, data, model);
  for (const std::string& path : {options.output, options.dump}) {
    if (!path.empty()) check_writable(path);
  }
  arena.allocate();
  model.initialise(run.seed);
  print_plan_line(arena);
  std::optional<Dump> dump;
  if (!options.dump.empty()) dump.emplace(options.dump, run, model, arena);
  const Outcome outcome =
      trainer.run(options.steps, dump ? &*dump : nullptr,
                  [&](const EpochReport& report) { print_epoch(report, run.epochs); });
  if (dump) dump->finish();
  const std::string line = record(run, outcome, arena, kernels).text() + "\n";
  if (!options.output.empty()) write_file(options.output, line);
  std::fputs(line.c_str(), stdout);
}

int main_of(int count, char** arguments) {
  try {
    const Options options = parse_options(count, arguments);
    if (options.help) {
      std::fputs(kUsage, stdout);
      return 0;
    }
    train(options);
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
