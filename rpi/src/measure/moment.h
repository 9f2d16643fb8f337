// The time that samples, steps and meters share, and what this program itself takes of a core.
#pragma once

#include <ctime>

namespace edgebnn::measure {

// In seconds.
inline double of_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

inline double now() { return of_clock(CLOCK_MONOTONIC); }
inline double processor_time() { return of_clock(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace edgebnn::measure
