// What is dear to ask is asked again only when its cost is a small share of the time since.
#pragma once

#include "moment.h"

namespace edgebnn::measure {

class Seldom {
 public:
  // Whether its last cost is at most that share of the time since.
  bool due(double time, double share) const { return time >= ended_ + cost_ / share; }
  void did(double began) {
    ended_ = now();
    cost_ = ended_ - began;
  }

 private:
  double ended_ = 0, cost_ = 0;
};

}  // namespace edgebnn::measure
