#include "trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <utility>

#include "augmentation.h"
#include "errors.h"
#include "process_peak.h"
#include "random.h"

namespace edgebnn {
namespace {

constexpr size_t kTimes = 4096;  // step times kept for the quartiles

double between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

Trainer::Trainer(const RunFile& run, const DataFile& data, Model& model)
    : run_(run), data_(data), model_(model) {
  progress_.plateau_rate = run.learning_rate;
  const Network& network = model.network();
  if (show(data.shape()) != show(network.input)) {
    throw InputError(run.path + ": input: " + show(network.input) + ", but " + data.path() +
                     " holds images of " + show(data.shape()));
  }
  if (data.classes() != network.classes()) {
    throw InputError(run.path + ": layer: the last has " + std::to_string(network.classes()) +
                     " outputs, but " + data.path() + " has " + std::to_string(data.classes()) +
                     " classes");
  }
  if (data.count(DataFile::train) < static_cast<uint64_t>(run.batch_size)) {
    throw InputError(run.path + ": batch_size: " + std::to_string(run.batch_size) +
                     " is more than the " + std::to_string(data.count(DataFile::train)) +
                     " training images of " + data.path());
  }
  for (const auto& [split, name] :
       {std::pair{DataFile::validation, "validation"}, std::pair{DataFile::test, "testing"}}) {
    if (data.count(split) == 0)
      throw InputError(data.path() + ": no images for " + name + "; needed is at least 1");
  }
}

Checkpoint::Resumed Trainer::resume(Checkpoint& checkpoint) {
  const Checkpoint::Resumed resumed = checkpoint.resume(progress_);
  const Progress& p = progress_;
  const uint64_t steps = data_.count(DataFile::train) / static_cast<uint64_t>(run_.batch_size);
  if (p.step > steps || p.steps != p.epoch * steps + p.step) {
    throw InputError(resumed.from + ": damaged: " + std::to_string(p.steps) +
                     " steps are not those of " + std::to_string(p.epoch) + " epochs and " +
                     std::to_string(p.step) + " steps");
  }
  return resumed;
}

float Trainer::learning_rate(int epoch) const {
  const Schedule& schedule = run_.schedule;
  const double full = run_.learning_rate;
  const int begun = epoch - schedule.warmup;
  if (begun < 0) return static_cast<float>(full * (epoch + 1) / (schedule.warmup + 1));
  if (schedule.kind == Schedule::Kind::step)
    return static_cast<float>(full * std::pow(schedule.factor, begun / schedule.every));
  if (schedule.kind == Schedule::Kind::cosine) {
    const double turn = std::numbers::pi * begun / (run_.epochs - schedule.warmup);
    return static_cast<float>(schedule.floor +
                              (full - schedule.floor) * ((1 + std::cos(turn)) / 2));
  }
  return static_cast<float>(progress_.plateau_rate);
}

void Trainer::wait_for_plateau(double accuracy) {
  if (run_.schedule.kind != Schedule::Kind::plateau) return;
  if (progress_.epoch <= static_cast<uint64_t>(run_.schedule.warmup)) return;
  progress_.plateau_waited = accuracy > progress_.plateau_best ? 0 : progress_.plateau_waited + 1;
  progress_.plateau_best = std::max(progress_.plateau_best, accuracy);
  if (progress_.plateau_waited == static_cast<uint64_t>(run_.schedule.every)) {
    progress_.plateau_rate *= run_.schedule.factor;
    progress_.plateau_waited = 0;
  }
}

LossSum Trainer::evaluate(DataFile::Split split) {
  const auto batch = static_cast<uint64_t>(run_.batch_size);
  LossSum total;
  for (uint64_t first = 0; first < data_.count(split); first += batch) {
    const uint64_t samples = std::min(batch, data_.count(split) - first);
    model_.begin();
    for (uint64_t b = 0; b < samples; ++b) {
      model_.labels()[b] = data_.read(split, first + b, model_.images() + b * data_.shape().size());
    }
    const LossSum part = model_.evaluate(samples);
    total.loss += part.loss;
    total.correct += part.correct;
  }
  if (!std::isfinite(total.loss)) {
    throw JobError("the loss of the " +
                   std::string(split == DataFile::validation ? "validation" : "test") +
                   " images is no number (" + run_.path + ": learning_rate)");
  }
  return total;
}

double Trainer::count_of(DataFile::Split split) const {
  return static_cast<double>(data_.count(split));
}

void Trainer::test() {
  const LossSum test = evaluate(DataFile::test);
  progress_.test_loss = test.loss / count_of(DataFile::test);
  progress_.test_accuracy = static_cast<double>(test.correct) / count_of(DataFile::test);
  progress_.tested = progress_.epoch;
}

// The step that ran was the last of its epoch.
EpochReport Trainer::end_epoch() {
  Progress& p = progress_;
  const auto done = static_cast<double>(p.step * static_cast<uint64_t>(run_.batch_size));
  const LossSum sum = evaluate(DataFile::validation);
  const double accuracy = static_cast<double>(sum.correct) / count_of(DataFile::validation);
  const EpochReport report{static_cast<int>(p.epoch) + 1,
                           p.loss / done,
                           static_cast<double>(p.correct) / done,
                           sum.loss / count_of(DataFile::validation),
                           accuracy,
                           p.seconds};
  p.loss_of.push_back(report.loss);
  p.accuracy_of.push_back(report.accuracy);
  p.validation_loss_of.push_back(report.validation_loss);
  p.validation_accuracy_of.push_back(report.validation_accuracy);
  p.train_seconds += p.seconds;
  p.step = p.correct = 0;
  p.loss = p.seconds = 0;
  ++p.epoch;
  wait_for_plateau(accuracy);
  if (accuracy > p.best_validation_accuracy) {
    p.best_validation_accuracy = accuracy;
    test();
    p.test_accuracy_at_best = p.test_accuracy;
  }
  return report;
}

void Trainer::measure_memory() {
  progress_.arena_peak_bytes =
      std::max<uint64_t>(progress_.arena_peak_bytes, model_.arena_peak_bytes());
  progress_.process_peak_bytes = std::max(progress_.process_peak_bytes, process_peak_bytes());
}

void Trainer::save(Checkpoint* checkpoint) {
  if (checkpoint == nullptr) return;
  measure_memory();
  checkpoint->save(progress_);
}

const Progress& Trainer::run(size_t most_steps, const Along& along,
                             const std::function<void(const EpochReport&)>& report) {
  Progress& p = progress_;
  const auto batch = static_cast<uint64_t>(run_.batch_size);
  const uint64_t images = data_.count(DataFile::train), steps = images / batch;
  const auto epochs = static_cast<uint64_t>(run_.epochs);
  const uint64_t planned =
      most_steps == 0 ? steps * epochs : std::min<uint64_t>(most_steps, steps * epochs);
  if (p.steps > planned) {
    throw InputError("--steps: found " + std::to_string(most_steps) + ", but the checkpoint has " +
                     std::to_string(p.steps) + " behind it");
  }
  // Everything that grows while training has its room before it.
  const uint64_t every = planned / kTimes + 1;
  p.step_seconds.reserve(p.step_seconds.size() + planned / every + 1);
  for (auto* series :
       {&p.loss_of, &p.accuracy_of, &p.validation_loss_of, &p.validation_accuracy_of}) {
    series->reserve(epochs);
  }

  while (p.epoch < epochs && (p.steps < planned || p.step > 0)) {
    const float rate = learning_rate(static_cast<int>(p.epoch));
    const Permutation order(run_.seed, p.epoch, images);
    const Augmentation augmentation(run_, data_.shape(), p.epoch);
    while (p.step < steps && p.steps < planned) {
      const auto start = Clock::now();
      model_.begin();
      for (uint64_t b = 0; b < batch; ++b) {
        const uint64_t position = p.step * batch + b;
        uint8_t* image = model_.images() + b * data_.shape().size();
        model_.labels()[b] = data_.read(DataFile::train, order(position), image);
        augmentation.apply(position, image);
      }
      const LossSum part = model_.train(rate);
      const auto end = Clock::now();
      const double elapsed = between(start, end);
      if (!std::isfinite(part.loss)) {
        throw JobError("epoch " + std::to_string(p.epoch + 1) + ", step " +
                       std::to_string(p.step + 1) + ": the loss is no number (" + run_.path +
                       ": learning_rate)");
      }
      if (p.steps % every == 0) {
        p.step_seconds.push_back(elapsed);
        ++p.times;
      }
      p.seconds += elapsed;
      p.loss += part.loss;
      p.correct += part.correct;
      ++p.step;
      ++p.steps;
      if (along.stamps != nullptr) along.stamps->step(start, end);
      if (along.dump != nullptr) along.dump->step(part.loss / static_cast<double>(batch));
      if (along.checkpoint != nullptr && along.checkpoint->due()) save(along.checkpoint);
    }
    // An epoch that --steps cuts short is kept as it is before its end: another run may go on.
    const bool whole = p.step == steps;
    if (!whole) save(along.checkpoint);
    report(end_epoch());
    if (whole) save(along.checkpoint);
  }
  if (p.tested != p.epoch) test();
  measure_memory();
  return p;
}

}  // namespace edgebnn
