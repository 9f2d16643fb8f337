#include "layers/product.h"

#include <bit>
#include <cstring>

#include "layers/pool.h"

namespace edgebnn {
namespace {

// A tap in the padding was counted as -1 · W^: takes channels - 2·(+1 weights) out again.
void correct_border(const Block& block, const int32_t* counts, size_t position, size_t units,
                    int32_t* y) {
  const size_t taps = block.window.taps();
  for (size_t tap = 0; tap < taps; ++tap) {
    if (input_position(block.window, position, tap) >= 0) continue;
    for (size_t o = 0; o < units; ++o)
      y[o] -= block.window.in.channels - 2 * counts[o * taps + tap];
  }
}

}  // namespace

void count_taps(const Block& block, const uint64_t* packed, size_t units, int32_t* counts) {
  const size_t taps = block.window.taps(), words = lanes_of(block).words(), per_tap = words / taps;
  for (size_t o = 0; o < units; ++o) {
    const uint64_t* unit = packed + o / kUnitsTogether * words * kUnitsTogether;
    for (size_t tap = 0; tap < taps; ++tap) {
      int32_t count = 0;
      for (size_t k = tap * per_tap; k < (tap + 1) * per_tap; ++k)
        count += std::popcount(unit[k * kUnitsTogether + o % kUnitsTogether]);
      counts[o * taps + tap] = count;
    }
  }
}

void multiply_rows(const Block& block, const Kernels& kernels, const InputRows& input,
                   const PackedWeights& weights, Range rows, size_t units, void* scratch,
                   int32_t* products) {
  const Window& w = block.window;
  const size_t words = lanes_of(block).words(), per_row = products_per_row(block);
  const size_t normed = block.normed.positions(), count = rows.size() * per_row;
  const auto product_row = [&](size_t i) {
    const size_t row = rows.begin + i / per_row;
    if (per_row == 1) return row;
    return row / normed * w.out.positions() +
           window_position(row % normed, i % per_row, w.out.width, block.normed.width);
  };
  if (block.first) {
    const size_t terms = terms_for(block.fan_in()), lanes = product_stride(block, units);
    auto* in = static_cast<int16_t*>(scratch);
    for (size_t i = 0; i < count; ++i) input.integers(product_row(i), 0, terms, in + i * terms);
    std::memset(products, 0, count * lanes * sizeof(int32_t));
    kernels.short_binary(count, terms, lanes, in, reinterpret_cast<const uint32_t*>(weights.packed),
                         products);
    return;
  }
  auto* in = static_cast<uint64_t*>(scratch);
  for (size_t i = 0; i < count; ++i) input.words(product_row(i), 0, words, in + i * words);
  kernels.binary_binary(count, units, words, static_cast<int32_t>(block.fan_in()), in,
                        weights.packed, products);
  for (size_t i = 0; i < count && weights.tap_counts != nullptr; ++i)
    correct_border(block, weights.tap_counts, product_row(i) % w.out.positions(), units,
                   products + i * units);
}

}  // namespace edgebnn
