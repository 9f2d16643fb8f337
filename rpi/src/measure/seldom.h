// What is dear to ask is asked again only when its cost is a small share of the time since.
#pragma once

#include "moment.h"

namespace edgebnn::measure {

class Seldom {
 public:
  // Begins, if the last cost is at most that share of the time since.
  bool begins(double share) {
    if (now() < ended_ + cost_ / share) return false;
    began_ = processor_time();
    return true;
  }
  // A cost is of processor time: to wait for a busy core takes nothing from anyone.
  void ends() {
    cost_ = processor_time() - began_;
    ended_ = now();
  }

 private:
  double began_ = 0, ended_ = 0, cost_ = 0;
};

}  // namespace edgebnn::measure
