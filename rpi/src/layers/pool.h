// 2x2 max-pool, stride 2, before the batch norm (on products, in the map) or behind the sign (on
// bits). Among equal values the first in the window, row by row, wins; the gradient goes to it
// alone.
#pragma once

#include "plan.h"

namespace edgebnn {

class PoolBefore {
 public:
  PoolBefore(const Block& block, const BlockBuffers& buffers, const Plan& plan,
             Format product_format, const Switches& switches, Arena& arena);
  // Pools every sample of the map in place, and notes the winners.
  void forward(size_t samples);
  // Spreads dY of every sample of the map over the winners, in place.
  void backward(size_t samples);

 private:
  const Block& block_;
  const BlockBuffers& buffers_;
  const Plan& plan_;
  Format product_format_;
  const Switches& switches_;
  Arena& arena_;
};

// Max of signs: the OR of the window's bits. [B][P][words] -> [B][P'][words].
void pool_signs(const Block& block, const uint64_t* signs, uint64_t* pooled, size_t samples);

// Place in the window, 0..3, of the first largest sign of a pooled position's channel.
size_t winning_sign(const Block& block, const uint64_t* signs, size_t sample,
                    size_t pooled_position, size_t channel);

}  // namespace edgebnn
