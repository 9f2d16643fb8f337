// W^, packed from the latent weights in the orders that the kernels want.
#pragma once

#include "gradient_map.h"
#include "kernels/registry.h"
#include "plan.h"

namespace edgebnn {

// Units [units.begin, units.end), of which begin is a multiple of 16, for Y. First block: their
// part of [inputs/32][units multiplied together, rounded up to 16], bits over 32 inputs (which
// begins behind those of smaller units). Others: [units/8][words][8], bits over a row.
void pack_forward(const Kernels& kernels, const Block& block, Format format, const void* weights,
                  Range units, Range together, uint64_t* packed);

// The same for a machine to read that knows nothing of vectors: [units][words], bits over a row.
// All units; and from there to what pack_forward would have left.
void pack_rows(const Kernels& kernels, const Block& block, Format format, const void* weights,
               uint64_t* rows);
void arrange_rows(const Block& block, const uint64_t* rows, uint64_t* packed);
// Words of packed weights of so many units, as pack_forward leaves them.
size_t packed_words(const Block& block, size_t units);

// For dX: parts of the words of inputs, each [terms/32][lanes of the part], bits over 32 units, in
// their own order or in another. Of the squares of 32 inputs (a group's last may be smaller) those
// from numbers.begin to numbers.end; lanes that belong to no input are left as they are. columns:
// [units].
size_t squares(const Block& block);
void pack_backward(const Kernels& kernels, const Block& block, Format format, const void* weights,
                   Range numbers, const InputParts& parts, const ChannelOrder* order,
                   uint32_t* columns, uint32_t* packed);

}  // namespace edgebnn
