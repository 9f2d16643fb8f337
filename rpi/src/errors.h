// Failures, by who must act: bad input (exit status 2, before any work) or the job itself (1).
#pragma once

#include <stdexcept>
#include <string>

namespace edgebnn {

struct InputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct JobError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace edgebnn
