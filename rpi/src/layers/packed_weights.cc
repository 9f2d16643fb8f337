#include "layers/packed_weights.h"

#include <algorithm>

#include "kernels/binary_binary/binary_binary.h"

namespace edgebnn {
namespace {

constexpr size_t kWords = 8;  // of signs, side by side: 256 units

// 32 inputs of a group, or what is left of it.
struct Square {
  size_t group, place, inputs;
};

size_t squares_of_group(const Block& block) { return (lanes_of(block).per_group + 31) / 32; }

// Calls body(rows, unit, n) for each square of 32 inputs and kWords·32 units; rows: [32][kWords],
// of which word w of row j has the signs of unit `unit` + 32·w + j for the inputs.
template <class Body>
void each_unit(const Kernels& kernels, const Block& block, Format format, const void* weights,
               Range units, const Square& square, Body&& body) {
  const size_t stride = row_stride(format, block.units());
  const size_t first = square.group * lanes_of(block).per_group + square.place;
  alignas(64) uint32_t rows[32 * kWords];
  for (size_t unit = units.begin; unit < units.end; unit += 32 * kWords) {
    const size_t n = std::min(32 * kWords, units.end - unit);
    std::fill(rows, rows + 32 * kWords, 0u);
    kernels.sign_bits(square.inputs, n, format, weights, first * stride + unit, stride,
                      reinterpret_cast<uint8_t*>(rows), kWords * 4);
    kernels.transpose_bits(kWords, rows);
    body(rows, unit, n);
  }
}

Square square_of(const Block& block, size_t number) {
  const size_t across = squares_of_group(block), place = number % across * 32;
  return {number / across, place, std::min<size_t>(32, lanes_of(block).per_group - place)};
}

// Calls body(group, place, rows, unit, n) for all squares.
template <class Body>
void each_square(const Kernels& kernels, const Block& block, Format format, const void* weights,
                 Range units, Body&& body) {
  for (size_t number = 0; number < squares(block); ++number) {
    const Square square = square_of(block, number);
    each_unit(kernels, block, format, weights, units, square,
              [&](const uint32_t* rows, size_t unit, size_t n) {
                body(square.group, square.place, rows, unit, n);
              });
  }
}

}  // namespace

void pack_forward(const Kernels& kernels, const Block& block, Format format, const void* weights,
                  Range units, Range together, uint64_t* packed) {
  auto* halves = reinterpret_cast<uint32_t*>(packed);
  if (block.first) {
    const size_t lanes = (together.size() + 15) / 16 * 16, terms = words_for(block.fan_in()) * 2;
    uint32_t* own = halves + together.begin * terms + units.begin - together.begin;
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

size_t squares(const Block& block) { return lanes_of(block).groups * squares_of_group(block); }

void pack_backward(const Kernels& kernels, const Block& block, Format format, const void* weights,
                   Range numbers, const InputParts& parts, const ChannelOrder* order,
                   uint32_t* columns, uint32_t* packed) {
  const Lanes lanes = lanes_of(block);
  const size_t units = block.units(), terms = order == nullptr ? terms_for(units) : order->terms;
  const auto column = [&](size_t term) {
    const size_t unit = order == nullptr ? term : order->channels[term];
    return unit < units ? columns[unit] : 0u;
  };
  alignas(64) uint32_t rows[32 * kWords];
  for (size_t number = numbers.begin; number < numbers.end; ++number) {
    const Square square = square_of(block, number);
    each_unit(kernels, block, format, weights, {0, units}, square,
              [&](const uint32_t* signs, size_t unit, size_t n) {
                for (size_t o = 0; o < n; ++o) columns[unit + o] = signs[o % 32 * kWords + o / 32];
              });
    const size_t lane = square.group * lanes.words_per_group * 64 + square.place;
    const Range part = parts.of(lane / 64);
    const size_t first = part.begin * 64, stride = part.size() * 64;
    uint32_t* to = packed + first * (terms / 32) + lane - first;
    for (size_t word = 0; word < terms / 32; word += kWords) {
      const size_t words = std::min(kWords, terms / 32 - word);
      for (size_t w = 0; w < words; ++w) {
        for (size_t j = 0; j < 32; ++j) rows[j * kWords + w] = column((word + w) * 32 + j);
      }
      kernels.transpose_bits(kWords, rows);
      for (size_t w = 0; w < words; ++w, to += stride) {
        for (size_t j = 0; j < square.inputs; ++j) to[j] = rows[j * kWords + w];
      }
    }
  }
}

}  // namespace edgebnn
