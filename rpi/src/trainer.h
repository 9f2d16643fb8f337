// Training from first batch to record: epochs, learning-rate schedule, evaluation, what is
// reported.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data_file.h"
#include "dump.h"
#include "model.h"

namespace edgebnn {

struct EpochReport {
  int epoch = 0;  // from 1
  double loss = 0, accuracy = 0, validation_loss = 0, validation_accuracy = 0;
  double seconds = 0;  // of training alone
};

struct Outcome {
  std::vector<double> loss, accuracy, validation_loss, validation_accuracy;  // by epoch
  double test_loss = 0, test_accuracy = 0;  // of the last epoch's weights
  double test_accuracy_at_best = 0;         // of the epoch of best validation accuracy
  double train_seconds = 0;
  double step_seconds[3] = {};  // quartiles over the steps; 0 without steps
  size_t steps = 0;
};

class Trainer {
 public:
  // Throws InputError where run and data do not fit each other.
  Trainer(const RunFile& run, const DataFile& data, Model& model);

  // `most_steps` ends training early (0: all epochs); `dump`, if given, sees every step; `progress`
  // sees every epoch. Throws JobError where the loss is no number.
  Outcome run(size_t most_steps, Dump* dump,
              const std::function<void(const EpochReport&)>& progress);

 private:
  LossSum evaluate(DataFile::Split split);
  float learning_rate(int epoch);

  const RunFile& run_;
  const DataFile& data_;
  Model& model_;
  Outcome outcome_;
  double plateau_rate_ = 0, plateau_best_ = -1;
  int plateau_waited_ = 0;
};

}  // namespace edgebnn
