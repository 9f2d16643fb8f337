// Processor time of something short, so that other work on the machine counts little.
#pragma once

#include <algorithm>
#include <ctime>
#include <functional>
#include <utility>

namespace edgebnn {

inline constexpr int kTrials = 15;
inline constexpr double kTrialSeconds = 4e-3;

inline double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Of one call, in a series of as many as a trial takes.
class Stopwatch {
 public:
  explicit Stopwatch(std::function<void()> body) : body_(std::move(body)) {
    body_();
    const double once = std::max(seconds(1), 1e-8);
    calls_ = std::max(1, static_cast<int>(kTrialSeconds / once));
  }
  void trial() { least_ = std::min(least_, seconds(calls_) / calls_); }
  double least() const { return least_; }

 private:
  double seconds(int calls) const {
    const double start = processor_seconds();
    for (int call = 0; call < calls; ++call) body_();
    return processor_seconds() - start;
  }

  std::function<void()> body_;
  int calls_ = 1;
  double least_ = 1e9;
};

}  // namespace edgebnn
