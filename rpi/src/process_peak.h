// The largest resident set of this process.
#pragma once

#include <cstdint>

namespace edgebnn {

// In bytes; of this program alone. Allocates nothing.
uint64_t process_peak_bytes();

}  // namespace edgebnn
