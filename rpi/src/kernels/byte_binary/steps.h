// In which order a block's steps are added, so that 16 bits hold their sums: those of the highest
// shift first. As vector.h, internal to the file that includes it.
#pragma once

#include "kernels/byte_binary/byte_binary.h"

namespace edgebnn {
namespace {

constexpr size_t kSteps = 64;  // of a block at most: of one shift, 16 bits hold them
constexpr size_t kMostOfStep = kTermsTogether * kLargestByte;

// Steps of one shift.
struct Run {
  size_t steps;
  int16_t rise;     // the sums before it count 2^rise of its own
  uint16_t factor;  // by which s takes the sums after it; 0: the next run goes on with them
};
struct Plan {
  size_t steps, runs;
  Run of[kLargestShift + 1];
  uint8_t place[kSteps];         // of a step in that order
  uint32_t factors[2 * kSteps];  // 2^shift of each four terms, as they stand in g
};

inline void make_plan(size_t steps, const uint8_t* shifts, Plan& plan) {
  const auto shift_of = [&](size_t step) { return shifts == nullptr ? size_t{0} : shifts[step]; };
  uint8_t counts[kLargestShift + 1] = {}, next[kLargestShift + 1];
  for (size_t step = 0; step < steps; ++step) {
    ++counts[shift_of(step)];
    plan.factors[2 * step] = plan.factors[2 * step + 1] = 1u << shift_of(step);
  }
  plan.steps = steps;
  plan.runs = 0;
  size_t most = 0, before = kLargestShift;  // that the sums can be; the last run's shift
  uint8_t taken = 0;
  for (size_t shift = kLargestShift + 1; shift-- > 0; taken += counts[shift]) {
    next[shift] = taken;
    if (counts[shift] == 0) continue;
    const size_t rise = before - shift, own = counts[shift] * kMostOfStep;
    const bool on = plan.runs > 0 && (most << rise) + own <= UINT16_MAX;
    if (on) plan.of[plan.runs - 1].factor = 0;
    plan.of[plan.runs++] = {counts[shift], static_cast<int16_t>(on ? rise : 0),
                            static_cast<uint16_t>(2u << shift)};
    most = own + (on ? most << rise : 0);
    before = shift;
  }
  for (size_t step = 0; step < steps; ++step) plan.place[step] = next[shift_of(step)]++;
}

}  // namespace
}  // namespace edgebnn
