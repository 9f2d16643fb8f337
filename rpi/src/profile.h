// Where the arena's bytes went, phase by phase: what was planned, and what was really used
// (docs/formats.md, "Profile of the arena").
#pragma once

#include <string>

#include "network.h"
#include "plan.h"

namespace edgebnn {

// One line of JSON, of what was handed out so far.
std::string profile_of(const Network& network, const Phases& phases, const Arena& arena);

}  // namespace edgebnn
