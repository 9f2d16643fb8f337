#include "stamps.h"

#include <cstdio>

namespace edgebnn {
namespace {

constexpr size_t kLine = 64;  // of two times, at most

double seconds(Clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace

void Stamps::step(Clock::time_point begin, Clock::time_point end) {
  if (text_.size() - used_ < kLine) flush();
  const int wrote =
      std::snprintf(text_.data() + used_, kLine, "%.6f %.6f\n", seconds(begin), seconds(end));
  used_ += static_cast<size_t>(wrote);
}

void Stamps::finish() {
  flush();
  file_.finish();
}

void Stamps::flush() {
  file_.write(text_.data(), used_);
  used_ = 0;
}

}  // namespace edgebnn
