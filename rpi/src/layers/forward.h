// The forward pass of a block: Y = X^ W^, [max-pool], batch norm, sign (docs/numerics.md, Forward).
//
// Batch norm wants Y three times: for the mean, for the deviation, and for the signs. Where the map
// has room, Y is computed once and kept there (pooled); else the product, which is cheap, is
// computed again each time, to the same integers; but its mean is had from the inputs, if no pool
// stands between. Threads share the rows, so that none gathers what another has; then, as sums of
// reals run over the rows in order, the channels.
#pragma once

#include <utility>

#include "layers/batch_norm.h"
#include "layers/input_rows.h"
#include "layers/product.h"

namespace edgebnn {

class Forward {
 public:
  Forward(const Block& block, const BlockBuffers& buffers, const Context& context)
      : block_(block), buffers_(buffers), context_(context), lanes_(lanes_of(block)) {}

  // Of `samples` samples. Training uses and moves the batch's statistics; else the moving ones are
  // used.
  void run(const ProductInput& input, size_t samples, bool training);

 private:
  struct Task {
    InputRows input;
    size_t part;
    Range rows, c;  // of the batch norm
  };
  enum class Source { compute, compute_and_keep, map };

  NormForward norm_of(const Task& task) const;
  // Rows of the batch norm whose products a thread has room for.
  size_t rows_at_once() const { return buffers_.rows_forward / products_per_row(block_); }
  void prepare_weights(Range c, Range together);
  uint64_t* packed_of(Range c) const;
  void multiply(const Task& task, size_t first, size_t count, int32_t* products);
  std::pair<KeptProducts, size_t> kept_rows(size_t first, Range c);
  void keep(size_t first, size_t count, Range c, const int32_t* products);
  template <class Body>
  void each_rows(const Task& task, Source source, Body&& body);

  const Block& block_;
  const BlockBuffers& buffers_;
  const Context& context_;
  Lanes lanes_;
};

}  // namespace edgebnn
