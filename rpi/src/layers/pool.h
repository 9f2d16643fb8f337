// 2x2 max-pool, stride 2, before the batch norm (on products) or behind the sign (on bits). Among
// equal values the first in the window, row by row, wins; the gradient goes to it alone.
#pragma once

#include "layers/context.h"

namespace edgebnn {

// Position of window element k (row by row) of pooled position p, in a map of width `width`.
inline size_t window_position(size_t p, size_t k, size_t width, size_t pooled_width) {
  return (p / pooled_width * 2 + k / 2) * width + p % pooled_width * 2 + k % 2;
}

// Bytes of a pooled position's winners: two bits a channel.
inline size_t winner_bytes(size_t units) { return (units + 3) / 4; }

// Spreads the dY of every sample of the map over the winners, in place.
void spread_to_winners(const Block& block, const BlockBuffers& buffers, const Context& context,
                       size_t samples);

// Max of signs of samples [range): the OR of the window's bits. [B][P][words] -> [B][P'][words].
void pool_signs(const Block& block, const uint64_t* signs, uint64_t* pooled, Range samples);

// The winners of row y of pooled signs of a sample: masks: [4][P' across][words], where a bit of
// masks[k] is set if element k of the window is its first largest, and inside (if given) has it
// set. signs, inside: [P][words].
void winning_signs(const Block& block, const uint64_t* signs, const uint64_t* inside, size_t y,
                   uint64_t* masks);

}  // namespace edgebnn
