// The inputs of a product, row by row: an implicit GEMM over packed bits, no copy of the batch.
//
// A row is one output position of one sample: b·out.positions() + y·out.width + x. Zero padding
// contributes 0: packed rows hold -1 there, so products over border rows are corrected.
#pragma once

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
  InputRows(const Block& block, const ProductInput& input)
      : block_(block), input_(input), lanes_(lanes_of(block)) {}

  // Lanes [first, first + lanes) of a row of centred pixels, zero beyond the fan-in.
  void integers(size_t row, size_t first, size_t lanes, int16_t* out) const;
  // One word, and all words, of a row of signs.
  uint64_t word(size_t row, size_t word) const;
  void words(size_t row, uint64_t* out) const;

 private:
  const Block& block_;
  ProductInput input_;
  Lanes lanes_;
};

// W^ of the units of `units`, a unit's inputs side by side: rows of packed, [units][words].
// row: scratch of the block's units, f32.
void pack_weights(const Block& block, Format format, const void* weights, Range units, float* row,
                  uint64_t* packed);

}  // namespace edgebnn
