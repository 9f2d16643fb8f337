// Bits of a row of channels, 32 at a time: as many as a vector of floats has use for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace edgebnn {

// Calls body(channel, bit) for channels [begin, end) of a row of packed bits; begin is a multiple
// of
// 16. The bit is 0 or 1.
template <class Body>
inline void each_bit(const uint64_t* row, size_t begin, size_t end, Body&& body) {
  for (size_t c = begin; c < end;) {
    const auto word = static_cast<uint32_t>(row[c / 64] >> (c % 64));
    const size_t n = std::min({size_t{32}, 64 - c % 64, end - c});
    for (uint32_t i = 0; i < n; ++i) body(c + i, word >> i & 1);
    c += n;
  }
}

}  // namespace edgebnn
