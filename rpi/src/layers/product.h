// The product of a block, Y = X^ W^, for rows of its batch norm (docs/numerics.md, Forward 1-2).
#pragma once

#include "kernels/registry.h"
#include "layers/input_rows.h"

namespace edgebnn {

// Rows of the product behind each row of the batch norm: a pool before it sees four.
inline size_t products_per_row(const Block& block) { return block.pool_before.present ? 4 : 1; }

// Bytes of one row of inputs.
inline size_t input_row_bytes(const Block& block) {
  return lanes_of(block).words() * (block.first ? 128 : 8);
}

// Whether products over border rows are corrected, by counts of each tap's +1 weights.
inline bool counts_taps(const Block& block) { return block.window.padded() && !block.first; }

// Of the units to be multiplied.
struct PackedWeights {
  const uint64_t* packed = nullptr;     // as pack_forward leaves them
  const int32_t* tap_counts = nullptr;  // of the first of them, where counts_taps()
};

// From one row of products to the next: the first block's come in whole vectors.
inline size_t product_stride(const Block& block, size_t units) {
  return block.first ? (units + kChannelGrain - 1) / kChannelGrain * kChannelGrain : units;
}

// Packed weights of some units -> their part of counts: [taps][all units], +1 weights of each tap.
void count_taps(const Block& block, const uint64_t* packed, size_t units, int32_t* counts);

// The products of rows [rows) of the batch norm, products_per_row each: products:
// [..][product_stride]. scratch: as many rows of inputs.
void multiply_rows(const Block& block, const Kernels& kernels, const InputRows& input,
                   const PackedWeights& weights, Range rows, size_t units, void* scratch,
                   int32_t* products);

}  // namespace edgebnn
