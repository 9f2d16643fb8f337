#include "layers/product.h"

#include <bit>
#include <cstring>

namespace edgebnn {
namespace {

// A tap in the padding was counted as -1 · W^: takes channels - 2·(+1 weights) out again.
void correct_border(const Block& block, const int32_t* counts, const Place& place, size_t units,
                    int32_t* y) {
  const int32_t channels = block.window.in.channels;
  const size_t stride = block.units();
  each_tap_outside(block.window, place, [&](size_t tap) {
    const int32_t* of_tap = counts + tap * stride;
    for (size_t o = 0; o < units; ++o) y[o] -= channels - 2 * of_tap[o];
  });
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
      counts[tap * block.units() + o] = count;
    }
  }
}

void multiply_rows(const Block& block, const Kernels& kernels, const InputRows& input,
                   const PackedWeights& weights, Range rows, size_t units, void* scratch,
                   int32_t* products) {
  const size_t words = lanes_of(block).words(), per_row = products_per_row(block);
  const size_t count = rows.size() * per_row;
  // Calls body(line, i, apart) for the product's rows i, i + apart, ... along a line: those of a
  // pool's window follow one another.
  const auto each_product_line = [&](auto&& body) {
    Place normed = place_of(block.normed, rows.begin);
    each_line(normed, rows.size(), block.normed, [&](Place place, size_t first, size_t n) {
      if (per_row == 1) return body(InputRows::Line{place, n, 1}, first, size_t{1});
      for (int k = 0; k < 4; ++k) {
        const Place corner{place.sample, place.y * 2 + k / 2, place.x * 2 + k % 2};
        body(InputRows::Line{corner, n, 2}, first * 4 + static_cast<size_t>(k), size_t{4});
      }
    });
  };
  // Gathers the rows, [count][n], by rows_of(from, lanes, apart, to).
  const auto gather = [&](size_t n, auto* in, auto&& rows_of) {
    if (per_row == 1) {
      Place place = place_of(block.normed, rows.begin);
      return rows_of(place, count, Range{0, n}, n, in);
    }
    each_product_line([&](const InputRows::Line& line, size_t i, size_t apart) {
      rows_of(line, Range{0, n}, apart * n, in + i * n);
    });
  };
  if (block.first) {
    const size_t terms = terms_for(block.fan_in()), lanes = product_stride(block, units);
    auto* in = static_cast<int16_t*>(scratch);
    gather(terms, in, [&](auto&&... rows) { input.integers(rows...); });
    std::memset(products, 0, count * lanes * sizeof(int32_t));
    kernels.short_binary(count, terms, lanes, in, reinterpret_cast<const uint32_t*>(weights.packed),
                         {products, lanes});
    return;
  }
  auto* in = static_cast<uint64_t*>(scratch);
  gather(words, in, [&](auto&&... rows) { input.words(rows...); });
  kernels.binary_binary(count, units, words, static_cast<int32_t>(block.fan_in()), in,
                        weights.packed, products);
  if (weights.tap_counts == nullptr) return;
  each_product_line([&](InputRows::Line line, size_t i, size_t apart) {
    for (; line.rows > 0; --line.rows, line.first.x += line.step, i += apart)
      correct_border(block, weights.tap_counts, line.first, units, products + i * units);
  });
}

}  // namespace edgebnn
