// The time that samples, steps and meters share: seconds of CLOCK_MONOTONIC.
#pragma once

#include <ctime>

namespace edgebnn::measure {

inline double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace edgebnn::measure
