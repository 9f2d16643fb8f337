#include "time_limit.h"

#include <signal.h>

#include "moment.h"

namespace edgebnn::measure {
namespace {

constexpr double kGrace = 10;  // seconds between the two signals

}  // namespace

void TimeLimit::keep(pid_t command) {
  if (now() < due_) return;
  kill(command, passed_ ? SIGKILL : SIGTERM);
  due_ = passed_ ? INFINITY : due_ + kGrace;
  passed_ = true;
}

}  // namespace edgebnn::measure
