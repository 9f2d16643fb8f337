// What is dear to ask is asked again only when its cost is a small share of the time since.
#pragma once

#include "moment.h"

namespace edgebnn::measure {

class Seldom {
 public:
  // Of a core. With what is cheap, and is done at every sample, it all stays below half a percent
  // at 50 samples a second.
  static constexpr double kShare = 2.5e-4;
  // What there is a reason to ask may cost more.
  static constexpr double kShareWithReason = 1e-3;

  bool due(double time, bool reason = false) const {
    return time >= ended_ + cost_ / (reason ? kShareWithReason : kShare);
  }
  void did(double began) {
    ended_ = now();
    cost_ = ended_ - began;
  }

 private:
  double ended_ = 0, cost_ = 0;
};

}  // namespace edgebnn::measure
