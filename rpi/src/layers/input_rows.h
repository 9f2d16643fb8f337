// The inputs of a product, row by row: an implicit GEMM over packed bits, no copy of the batch.
//
// A row is one output position of one sample: b·out.positions() + y·out.width + x. Zero padding
// contributes 0: packed rows hold -1 there, so products over border rows are corrected.
#pragma once

#include "kernels/registry.h"
#include "plan.h"

namespace edgebnn {

struct ProductInput {
  const uint8_t* images = nullptr;  // first block: [B][input] u8
  const uint64_t* bits = nullptr;   // others: [B][in positions][words per position]
};

// Index of the input position under a tap of an output position, or -1 in the padding.
ptrdiff_t input_position(const Window& window, size_t position, size_t tap);

class InputRows {
 public:
  InputRows(const Kernels& kernels, const Block& block, const ProductInput& input)
      : kernels_(kernels), block_(block), input_(input), lanes_(lanes_of(block)) {}

  // Lanes [first, first + lanes) of a row of centred pixels, zero beyond the fan-in.
  void integers(size_t row, size_t first, size_t lanes, int16_t* out) const;
  // Words [first, first + count) of a row of signs.
  void words(size_t row, size_t first, size_t count, uint64_t* out) const;

 private:
  template <class Copy, class Clear>
  void each_run(size_t row, size_t per_tap, Range items, Copy&& copy, Clear&& clear) const;

  const Kernels& kernels_;
  const Block& block_;
  ProductInput input_;
  Lanes lanes_;
};

}  // namespace edgebnn
