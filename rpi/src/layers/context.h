// What every layer works with.
#pragma once

#include "gradient_map.h"
#include "kernels/registry.h"
#include "plan.h"
#include "threads.h"

namespace edgebnn {

struct Context {
  const RunFile& run;
  const Plan& plan;
  const Kernels& kernels;
  Arena& arena;
  Threads& threads;
  GradientMap& gradients;
};

}  // namespace edgebnn
