// The sums of Y over a batch's rows, had from those of its inputs, as both are of integers:
//   sum over m of Y[m][c] = sum over k of W^[k][c] · (sum over m of X^[m][k])
// A Y that is not kept is thus computed twice, for its deviation and for its signs, not three
// times.
#pragma once

#include "layers/context.h"
#include "layers/input_rows.h"

namespace edgebnn {

class InputSums {
 public:
  InputSums(const Block& block, const BlockBuffers& buffers, const Context& context)
      : block_(block), buffers_(buffers), context_(context), lanes_(lanes_of(block)) {}

  // The sums of some rows, by thread `part`, which has them in its scratch for products.
  void begin(size_t part) const;
  void add(const InputRows& input, size_t part, Range rows) const;
  // When all threads have added the rows of so many samples: sum[i] += the sum of Y of channel
  // c.begin + i, whose packed weights are given.
  void add_products(size_t samples, Range c, const uint64_t* packed, double* sum) const;

 private:
  size_t rows_with(size_t tap) const;
  void sums_of(size_t word, size_t samples, int64_t* sums) const;

  const Block& block_;
  const BlockBuffers& buffers_;
  const Context& context_;
  Lanes lanes_;
};

}  // namespace edgebnn
