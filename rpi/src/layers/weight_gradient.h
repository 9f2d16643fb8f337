// dW = X^T dY, for a tile of inputs and up to kUnitsAtOnce units at a time, each of which moves its
// weights at once: dW never exists as a whole (docs/numerics.md, Backward 4, Update). Threads share
// the tiles, so each sum runs over all rows in order; or, of integers and where there are few
// tiles, the rows of a tile, so that none gathers what another has.
#pragma once

#include <optional>

#include "layers/context.h"
#include "layers/input_rows.h"
#include "optimizers/optimizer.h"

namespace edgebnn {

class WeightGradient {
 public:
  WeightGradient(const Block& block, const BlockBuffers& buffers, const Context& context,
                 Optimizer& optimizer, size_t layer)
      : block_(block),
        buffers_(buffers),
        context_(context),
        optimizer_(optimizer),
        layer_(layer),
        lanes_(lanes_of(block)) {}

  // From dY in the map.
  void run(const ProductInput& input, size_t samples);

 private:
  struct Task {
    InputRows input;
    size_t samples, part;
    Range rows;  // of the product
    WeightMatrix matrix;
  };
  // Some units, and words of inputs (of 64).
  struct Tile {
    Range units, words;
    size_t lanes() const { return words.size() * 64; }
  };
  Tile tile_of(size_t number) const;

  // G, S: a gradient and a sum of them, float and double, or int16 or int8 and int32 (first block:
  // double).
  template <class G, class S>
  void run(const ProductInput& input, size_t samples);
  template <class G, class S>
  void tiles(const Task& task, Range numbers);
  template <class G>
  void load_rows(Range units, size_t first, size_t count, G* g) const;
  template <class G>
  void load_columns(Range units, size_t first, size_t count, size_t stride, G* columns) const;
  template <class G, class S>
  void accumulate(const Task& task, const Tile& tile, S* sums) const;
  template <class G, class S>
  void accumulate_signs(const Task& task, const Tile& tile, S* sums) const;
  template <class G>
  void accumulate_first(const Task& task, const Tile& tile, double* sums) const;
  void gather(const Task& task, const Tile& tile, size_t first, size_t count, uint32_t* bits) const;
  template <class G>
  void border_of(const Task& task, Range units, double* border) const;
  template <class S>
  void add_border(const Tile& tile, const double* border, S* sums) const;
  // The latent weights of an input, that a lane of a tile stands for; none in lanes of padding.
  std::optional<WeightSlice> slice_of(const Tile& tile, size_t lane) const;
  void move(const Task& task, const Tile& tile, size_t lane, const WeightGradients& g) const;
  // Moves the weights of all lanes by their sums, as accumulate leaves them; of the first block
  // they lie `apart` from lane to lane.
  template <class S>
  void move_by_sums(const Task& task, const Tile& tile, size_t apart, const S* sums) const;
  // By the signs of the sums, [units][lanes as transposed].
  template <class S>
  void move_by_signs(const Task& task, const Tile& tile, const S* sums) const;
  template <class S>
  void move_by_values(const Task& task, const Tile& tile, const S* sums) const;
  void move_first(const Task& task, const Tile& tile, size_t apart, const double* sums) const;
  // Sums of a lane, [units], as a real gradient.
  template <class S>
  void real_gradient(const Task& task, const Tile& tile, const S* sums, size_t apart,
                     float* g) const;

  const Block& block_;
  const BlockBuffers& buffers_;
  const Context& context_;
  Optimizer& optimizer_;
  size_t layer_;
  Lanes lanes_;
};

}  // namespace edgebnn
