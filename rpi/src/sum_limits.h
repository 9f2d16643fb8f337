// How many gradients a sum may have: those that share exponents are summed in 32 bits.
#pragma once

#include "network.h"

namespace edgebnn {

// Throw InputError where a sum of dW, over the batch's positions, or of dX, over the units that
// read an input, could overflow.
void check_sums_of_dw(const RunFile& run, const Block& block);
void check_sums_of_dx(const RunFile& run, const Block& block);

}  // namespace edgebnn
