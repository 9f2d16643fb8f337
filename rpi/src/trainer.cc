#include "trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "errors.h"
#include "random.h"

namespace edgebnn {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kTimes = 4096;  // step times kept for the quartiles

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string show(const Shape& s) {
  return std::to_string(s.height) + "x" + std::to_string(s.width) + "x" +
         std::to_string(s.channels);
}

// Linear interpolation between order statistics; `sorted` is not empty.
double quantile(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

Trainer::Trainer(const RunFile& run, const DataFile& data, Model& model)
    : run_(run), data_(data), model_(model), plateau_rate_(run.learning_rate) {
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
}

float Trainer::learning_rate(int epoch) {
  const Schedule& schedule = run_.schedule;
  if (schedule.kind == Schedule::Kind::step) {
    return static_cast<float>(run_.learning_rate *
                              std::pow(schedule.factor, epoch / schedule.every));
  }
  if (schedule.kind == Schedule::Kind::plateau && epoch > 0) {
    const double accuracy = outcome_.validation_accuracy.back();
    plateau_waited_ = accuracy > plateau_best_ ? 0 : plateau_waited_ + 1;
    plateau_best_ = std::max(plateau_best_, accuracy);
    if (plateau_waited_ == schedule.every) {
      plateau_rate_ *= schedule.factor;
      plateau_waited_ = 0;
    }
  }
  return static_cast<float>(plateau_rate_);
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

Outcome Trainer::run(size_t most_steps, Dump* dump,
                     const std::function<void(const EpochReport&)>& progress) {
  const auto batch = static_cast<uint64_t>(run_.batch_size);
  const uint64_t images = data_.count(DataFile::train), steps = images / batch;
  const size_t all_steps = steps * static_cast<size_t>(run_.epochs);
  const size_t planned = most_steps == 0 ? all_steps : std::min(most_steps, all_steps);
  const size_t every = planned / kTimes + 1;
  // Everything that grows while training has its room before it.
  std::vector<double> times;
  times.reserve(planned / every + 1);
  for (auto* series : {&outcome_.loss, &outcome_.accuracy, &outcome_.validation_loss,
                       &outcome_.validation_accuracy}) {
    series->reserve(static_cast<size_t>(run_.epochs));
  }
  const auto count_of = [&](DataFile::Split split) {
    return static_cast<double>(std::max<uint64_t>(data_.count(split), 1));
  };

  double best = -1;
  for (int epoch = 0; epoch < run_.epochs && outcome_.steps < planned; ++epoch) {
    const float rate = learning_rate(epoch);
    const Permutation order(run_.seed, static_cast<uint64_t>(epoch), images);
    LossSum sum;
    uint64_t done = 0;
    double seconds = 0;
    for (uint64_t step = 0; step < steps && outcome_.steps < planned; ++step) {
      const auto start = Clock::now();
      model_.begin();
      for (uint64_t b = 0; b < batch; ++b) {
        model_.labels()[b] = data_.read(DataFile::train, order(step * batch + b),
                                        model_.images() + b * data_.shape().size());
      }
      const LossSum part = model_.train(rate);
      const double elapsed = since(start);
      if (!std::isfinite(part.loss)) {
        throw JobError("epoch " + std::to_string(epoch + 1) + ", step " + std::to_string(step + 1) +
                       ": the loss is no number (" + run_.path + ": learning_rate)");
      }
      if (outcome_.steps % every == 0) times.push_back(elapsed);
      seconds += elapsed;
      sum.loss += part.loss;
      sum.correct += part.correct;
      done += batch;
      ++outcome_.steps;
      if (dump != nullptr) dump->step(part.loss / static_cast<double>(batch));
    }
    outcome_.train_seconds += seconds;
    outcome_.loss.push_back(sum.loss / static_cast<double>(done));
    outcome_.accuracy.push_back(static_cast<double>(sum.correct) / static_cast<double>(done));
    const LossSum validation = evaluate(DataFile::validation);
    outcome_.validation_loss.push_back(validation.loss / count_of(DataFile::validation));
    outcome_.validation_accuracy.push_back(static_cast<double>(validation.correct) /
                                           count_of(DataFile::validation));
    const bool last = epoch + 1 == run_.epochs || outcome_.steps >= planned;
    if (outcome_.validation_accuracy.back() > best || last) {
      const LossSum test = evaluate(DataFile::test);
      outcome_.test_loss = test.loss / count_of(DataFile::test);
      outcome_.test_accuracy = static_cast<double>(test.correct) / count_of(DataFile::test);
      if (outcome_.validation_accuracy.back() > best)
        outcome_.test_accuracy_at_best = outcome_.test_accuracy;
      best = std::max(best, outcome_.validation_accuracy.back());
    }
    progress({epoch + 1, outcome_.loss.back(), outcome_.accuracy.back(),
              outcome_.validation_loss.back(), outcome_.validation_accuracy.back(), seconds});
  }
  if (!times.empty()) {
    std::sort(times.begin(), times.end());
    for (int i = 0; i < 3; ++i) outcome_.step_seconds[i] = quantile(times, 0.25 * (i + 1));
  }
  return outcome_;
}

}  // namespace edgebnn
