#include "layers/packed_weights.h"

#include <algorithm>

#include "kernels/binary_binary/binary_binary.h"

namespace edgebnn {
namespace {

constexpr size_t kWords = 8;  // of signs, side by side: 256 units

// Calls body(first input, in-group place, rows, first unit, units) with rows: [32][kWords], of
// which word w of row j has the signs of unit 32·w + j for 32 inputs.
template <class Body>
void each_square(const Kernels& kernels, const Block& block, Format format, const void* weights,
                 Range units, Body&& body) {
  const size_t stride = row_stride(format, block.units()), group = lanes_of(block).per_group;
  alignas(64) uint32_t rows[32 * kWords];
  for (size_t first = 0; first < block.fan_in(); first += group) {
    for (size_t place = 0; place < group; place += 32) {
      const size_t inputs = std::min<size_t>(32, group - place);
      for (size_t unit = units.begin; unit < units.end; unit += 32 * kWords) {
        const size_t n = std::min(32 * kWords, units.end - unit);
        std::fill(rows, rows + 32 * kWords, 0u);
        kernels.sign_bits(inputs, n, format, weights, (first + place) * stride + unit, stride,
                          reinterpret_cast<uint8_t*>(rows), kWords * 4);
        kernels.transpose_bits(kWords, rows);
        body(first / group, place, rows, unit, n);
      }
    }
  }
}

}  // namespace

void pack_forward(const Kernels& kernels, const Block& block, Format format, const void* weights,
                  Range units, uint64_t* packed) {
  auto* halves = reinterpret_cast<uint32_t*>(packed);
  if (block.first) {
    const size_t lanes = (units.size() + 15) / 16 * 16, terms = words_for(block.fan_in()) * 2;
    uint32_t* own = halves + units.begin * terms;
    each_square(kernels, block, format, weights, units,
                [&](size_t, size_t place, const uint32_t* rows, size_t unit, size_t n) {
                  for (size_t o = 0; o < n; ++o)
                    own[place / 32 * lanes + unit - units.begin + o] =
                        rows[o % 32 * kWords + o / 32];
                });
    return;
  }
  const Lanes lanes = lanes_of(block);
  each_square(
      kernels, block, format, weights, units,
      [&](size_t group, size_t place, const uint32_t* rows, size_t unit, size_t n) {
        const size_t word = group * lanes.words_per_group + place / 64, half = place / 32 % 2;
        for (size_t o = 0; o < n; ++o) {
          const size_t at = ((unit + o) / kUnitsTogether * lanes.words() + word) * kUnitsTogether +
                            (unit + o) % kUnitsTogether;
          halves[at * 2 + half] = rows[o % 32 * kWords + o / 32];
          if (half == 0) halves[at * 2 + 1] = 0;
        }
      });
}

void pack_rows(const Kernels& kernels, const Block& block, Format format, const void* weights,
               uint64_t* rows) {
  const Lanes lanes = lanes_of(block);
  auto* halves = reinterpret_cast<uint32_t*>(rows);
  each_square(kernels, block, format, weights, {0, block.units()},
              [&](size_t group, size_t place, const uint32_t* square, size_t unit, size_t n) {
                const size_t word = group * lanes.words_per_group + place / 64;
                for (size_t o = 0; o < n; ++o) {
                  uint32_t* pair = halves + ((unit + o) * lanes.words() + word) * 2;
                  pair[place / 32 % 2] = square[o % 32 * kWords + o / 32];
                  if (place % 64 == 0) pair[1] = 0;
                }
              });
}

void arrange_rows(const Block& block, const uint64_t* rows, uint64_t* packed) {
  const size_t words = lanes_of(block).words(), units = block.units();
  std::fill(packed, packed + packed_words(block, units), uint64_t{0});
  if (block.first) {
    const auto* from = reinterpret_cast<const uint32_t*>(rows);
    auto* to = reinterpret_cast<uint32_t*>(packed);
    const size_t lanes = packed_words(block, units) / words;
    for (size_t o = 0; o < units; ++o) {
      for (size_t t = 0; t < words * 2; ++t) to[t * lanes + o] = from[o * words * 2 + t];
    }
    return;
  }
  for (size_t o = 0; o < units; ++o) {
    uint64_t* unit = packed + o / kUnitsTogether * words * kUnitsTogether + o % kUnitsTogether;
    for (size_t k = 0; k < words; ++k) unit[k * kUnitsTogether] = rows[o * words + k];
  }
}

size_t packed_words(const Block& block, size_t units) {
  const size_t grain = block.first ? kChannelGrain : kUnitsTogether;
  return (units + grain - 1) / grain * grain * lanes_of(block).words();
}

void pack_backward(const Kernels& kernels, const Block& block, Format format, const void* weights,
                   Range inputs, uint32_t* packed) {
  const Lanes lanes = lanes_of(block);
  const size_t stride = row_stride(format, block.units()), all = lanes.words() * 64;
  uint32_t row[kWords] = {};
  for (size_t i = inputs.begin; i < inputs.end; ++i) {
    const size_t lane = i / lanes.per_group * lanes.words_per_group * 64 + i % lanes.per_group;
    for (size_t unit = 0; unit < block.units(); unit += 32 * kWords) {
      const size_t n = std::min(32 * kWords, block.units() - unit);
      row[(n - 1) / 32] = 0;  // sign_bits writes pairs of bytes
      kernels.sign_bits(1, n, format, weights, i * stride + unit, stride,
                        reinterpret_cast<uint8_t*>(row), 0);
      for (size_t w = 0; w * 32 < n; ++w) packed[(unit / 32 + w) * all + lane] = row[w];
    }
  }
}

}  // namespace edgebnn
