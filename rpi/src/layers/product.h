// The weighted layer: Y = X^ W^, its dW and its dX, dense or convolutional, as an implicit GEMM
// over packed bits (docs/numerics.md, Forward 1-2, Backward 3-4).
//
// A row m is one output position of one sample: b·out.positions() + y·out.width + x. Zero padding
// contributes 0: packed rows hold -1 there, so border rows are corrected.
#pragma once

#include "kernels/registry.h"
#include "plan.h"

namespace edgebnn {

// What a product needs of its surroundings.
struct ProductInput {
  const uint8_t* images = nullptr;  // first block: [B][input] u8
  const uint64_t* bits = nullptr;   // others: [B][in positions][words per position]
};

class Product {
 public:
  Product(const Block& block, const BlockBuffers& buffers, const Plan& plan, Format product_format,
          const Switches& switches, const Kernels& kernels, Arena& arena);

  // Y of `samples` samples into the map.
  void forward(const ProductInput& input, size_t samples);

  // dW of the whole batch from dY in the map: bits of X^T dY >= 0, or X^T dY / batch in float32.
  void weight_gradient(const ProductInput& input, size_t samples);

  // dX of one sample, [in positions][channels] f64, from dY in the map.
  const double* input_gradient(size_t sample);
  // To be called once before input_gradient.
  void begin_input_gradient();

 private:
  void pack_weights(uint64_t* packed) const;
  void integer_row(const ProductInput& input, size_t row, size_t first_lane, size_t lanes,
                   int16_t* out) const;
  void binary_row(const ProductInput& input, size_t row, uint64_t* out) const;
  uint64_t binary_word(const ProductInput& input, size_t row, size_t word) const;
  void correct_border(size_t row, int32_t* y) const;
  void gradient_row(size_t row, float* out) const;
  void finish_column(size_t word, double* sums, size_t samples);
  void add_border(size_t first_row, size_t rows, const float* g, double* border) const;
  // Index of the input position under a tap of an output position, or -1 in the padding.
  ptrdiff_t input_position(size_t position, size_t tap) const;

  const Block& block_;
  const BlockBuffers& buffers_;
  const Plan& plan_;
  Format product_format_;
  const Switches& switches_;
  const Kernels& kernels_;
  Arena& arena_;
  Lanes lanes_;
};

}  // namespace edgebnn
