// Training from first batch to record: epochs, learning-rate schedule, evaluation, what is
// reported.
#pragma once

#include <functional>

#include "checkpoint.h"
#include "data_file.h"
#include "dump.h"
#include "model.h"
#include "progress.h"
#include "stamps.h"

namespace edgebnn {

struct EpochReport {
  int epoch = 0;  // from 1
  double loss = 0, accuracy = 0, validation_loss = 0, validation_accuracy = 0;
  double seconds = 0;  // of training alone
};

class Trainer {
 public:
  // Throws InputError where run and data do not fit each other.
  Trainer(const RunFile& run, const DataFile& data, Model& model);

  // Goes on from a checkpoint, if there is one, when run() is called. Throws InputError if its
  // steps are not those of its epochs.
  Checkpoint::Resumed resume(Checkpoint& checkpoint);
  const Progress& progress() const { return progress_; }

  // What goes along with training, where it is wanted.
  struct Along {
    Dump* dump = nullptr;              // sees the state after every step
    Stamps* stamps = nullptr;          // sees when every step began and ended
    Checkpoint* checkpoint = nullptr;  // is kept up
  };

  // `most_steps` ends training early (0: all epochs); `report` sees every epoch. Throws JobError
  // where the loss is no number, InputError where training has come further than it shall.
  const Progress& run(size_t most_steps, const Along& along,
                      const std::function<void(const EpochReport&)>& report);

 private:
  LossSum evaluate(DataFile::Split split);
  double count_of(DataFile::Split split) const;
  float learning_rate(int epoch) const;
  EpochReport end_epoch();
  void test();
  void wait_for_plateau(double accuracy);
  void measure_memory();
  void save(Checkpoint* checkpoint);

  const RunFile& run_;
  const DataFile& data_;
  Model& model_;
  Progress progress_;
};

}  // namespace edgebnn
