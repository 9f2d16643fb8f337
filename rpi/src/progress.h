// How far training is: with the model's own state, all that a resumed run needs. What is random is
// a function of seed and position (random.h), so there is no generator to keep.
#pragma once

#include <cstdint>
#include <vector>

namespace edgebnn {

// Plain numbers of eight bytes, kept in a checkpoint as they stand here.
struct Position {
  uint64_t epoch = 0;  // complete ones
  uint64_t step = 0;   // done of the epoch under way
  uint64_t steps = 0;  // done in all
  // Sums over the epoch under way.
  double loss = 0;
  uint64_t correct = 0;
  double seconds = 0;
  // Of schedule plateau.
  double plateau_rate = 0, plateau_best = -1;
  uint64_t plateau_waited = 0;
  // Evaluations.
  double best_validation_accuracy = -1;
  double test_loss = 0, test_accuracy = 0;
  uint64_t tested = 0;               // complete epochs at that test
  double test_accuracy_at_best = 0;  // at the epoch of best validation accuracy
  // Measured, over all processes that trained.
  double train_seconds = 0;  // of the complete epochs
  uint64_t arena_peak_bytes = 0, process_peak_bytes = 0;
  uint64_t times = 0;  // how many step times are kept
};

struct Progress : Position {
  std::vector<double> loss_of, accuracy_of, validation_loss_of, validation_accuracy_of;  // by epoch
  std::vector<double> step_seconds;  // a sample of all steps' times
};

}  // namespace edgebnn
