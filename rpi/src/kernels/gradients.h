// Rows of gradients as they are stored, for the ops that read or write them (gradient_map.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "format.h"

namespace edgebnn {

// k: [rows][stride], of which an op sees the first n of each row. An element is k·2^e. Exponents:
// none for f32 and f16; one a row for i16; one a channel for i8 and i6, [n].
template <class Pointer>
struct StoredRows {
  Format format;
  Pointer k;
  size_t stride;              // elements
  const int8_t* e = nullptr;  // of row 0, first channel
  size_t e_stride = 0;        // from row to row: 0 within a sample
  bool by_channel() const { return format == Format::i8 || format == Format::i6; }
};
using GradientRows = StoredRows<const void*>;
using GradientRowsOut = StoredRows<void*>;

// Rows of packed bits, from a channel on that begins a byte. Null: all bits are set.
struct BitRows {
  const uint8_t* bits = nullptr;
  size_t stride = 0;  // bytes
};

}  // namespace edgebnn
