// dX = dY W^T through the straight-through estimator: dX' of the block below, in the place of dY
// (docs/numerics.md, Backward 3). Samples are split over threads.
#pragma once

#include "layers/context.h"
#include "layers/input_rows.h"

namespace edgebnn {

class InputGradient {
 public:
  // below: the block whose output this one reads.
  InputGradient(const Block& block, const BlockBuffers& buffers, const Block& below,
                const BlockBuffers& buffers_below, const Context& context)
      : block_(block),
        buffers_(buffers),
        below_(below),
        buffers_below_(buffers_below),
        context_(context),
        lanes_(lanes_of(block)),
        map_(block) {}

  void run(size_t samples);

 private:
  // G, S: a gradient and a sum of them, float and double, or int16 or int8 and int32.
  template <class G, class S>
  void run_as(size_t samples);
  template <class G, class S>
  void compute(Range samples, size_t part, S* dx) const;
  template <class S>
  SumRows<S> sums_of(Range words, const size_t* begins, S* dx) const;
  void replace(size_t sample, size_t part, const void* dx) const;
  template <class Body>
  void each_kept(size_t sample, size_t part, const void* dx, Body&& body) const;

  const Block& block_;
  const BlockBuffers& buffers_;
  const Block& below_;
  const BlockBuffers& buffers_below_;
  const Context& context_;
  Lanes lanes_;
  PaddedMap map_;  // dX of a sample
};

// Packs W^ for a dX that will be asked for, from dY's exponents in the map: in the phase of dW,
// which moves the weights.
void pack_for_dx(const Block& block, const BlockBuffers& buffers, const Context& context);

}  // namespace edgebnn
