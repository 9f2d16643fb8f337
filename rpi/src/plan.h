// Which buffers training needs, and when: the network, the batch, the switches and the threads,
// declared to the arena.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "arena.h"
#include "kernels/byte_binary/byte_binary.h"
#include "network.h"
#include "threads.h"

namespace edgebnn {

// How a row of inputs is packed: groups of lanes, each padded to whole words. A group is a window's
// tap with its channels; the first layer's integers are one group, as nothing is packed there but
// W.
struct Lanes {
  size_t groups = 0, per_group = 0, words_per_group = 0;
  size_t words() const { return groups * words_per_group; }
};

inline size_t words_for(size_t bits) { return (bits + 63) / 64; }

// Terms of a sum of gradients times bits: whole words of 32.
inline size_t terms_for(size_t n) { return (n + 31) / 32 * 32; }

// Of dX's sums at most: bytes are grouped by exponent (gradient_map.h).
inline size_t terms_of_dx(size_t units, Format gradients) {
  return terms_for(units +
                   (gradients == Format::i6 ? (kLargestShift + 1) * (kTermsTogether - 1) : 0));
}

// Words of a row of inputs in parts of a few: of whole lines of taps, or of part of one.
struct InputParts {
  size_t words = 0, line = 0;  // of a row, of a line of its taps
  size_t most = 0;             // of a part

  InputParts() = default;
  // The largest parts of at most so many words.
  InputParts(size_t words, size_t line, size_t most)
      : words(words), line(line), most(most < line ? most : most / line * line) {}

  // The part of a word.
  Range of(size_t word) const {
    const size_t within = most < line ? word / line * line : 0;
    const size_t begin = within + (word - within) / most * most;
    return {begin, std::min(begin + most, most < line ? within + line : words)};
  }
};

inline Lanes lanes_of(const Block& block) {
  if (block.first) return {1, block.fan_in(), words_for(block.fan_in())};
  const auto channels = static_cast<size_t>(block.window.in.channels);
  return {block.window.taps(), channels, words_for(channels)};
}

// A map with all that its block's windows read of it, padding too; a position has whole words of
// lanes.
struct PaddedMap {
  size_t height, width, lanes;

  explicit PaddedMap(const Block& block)
      : height(side(block.window.pad_top, block.window.in.height, block.window.out.height,
                    block.window.stride, block.window.height)),
        width(side(block.window.pad_left, block.window.in.width, block.window.out.width,
                   block.window.stride, block.window.width)),
        lanes(lanes_of(block).words_per_group * 64) {}
  size_t size() const { return height * width * lanes; }
  // Of a position of the padded map.
  size_t at(int y, int x) const {
    return (static_cast<size_t>(y) * width + static_cast<size_t>(x)) * lanes;
  }

 private:
  static size_t side(int before, int in, int out, int stride, int window) {
    return static_cast<size_t>(std::max(before + in, (out - 1) * stride + window));
  }
};

// Bytes of the sums of a block's inputs, lane by lane: of pixels i64, of signs a count of the +1.
inline constexpr size_t kCountBits = 32;
inline size_t input_sums_bytes(const Block& block) {
  return lanes_of(block).words() * 64 * (block.first ? sizeof(int64_t) : kCountBits / 8);
}

// dW is made for a tile of at most so many words of inputs (of 64) and so many units, and moves
// their weights at once. Nine: so many taps have most windows.
inline constexpr size_t kTileWords = 9, kUnitsAtOnce = 64;

// Rows of dX at once: they share the bits of W^ while those are at hand.
inline constexpr size_t kRowsOfDx = 32;

// Channels that belong to one thread: as many as a byte of bits and a vector of sums ask for.
inline constexpr size_t kChannelGrain = 16;

// Threads that share the rows of a tile of dW, each with sums of its own, where there are at most
// half as many tiles as threads. Of integers alone: sums of reals run over all rows in order.
// `across`: tiles that all inputs make.
inline size_t row_parts_of_tile(size_t units, size_t across, size_t rows, size_t threads) {
  const size_t tiles = (units + kUnitsAtOnce - 1) / kUnitsAtOnce * across;
  return std::clamp<size_t>(rows / 32, 1, std::max<size_t>(threads / tiles, 1));
}

// Else units of a tile: fewer than at most, if that leaves the busiest thread a quarter less to do.
// (Each tile gathers its inputs itself.)
inline size_t units_of_tile(size_t units, size_t across, size_t threads) {
  const auto most = [&](size_t tile) {
    return largest_part((units + tile - 1) / tile * across, threads) * tile;
  };
  size_t tile = kUnitsAtOnce;
  while (tile > kChannelGrain && most(tile / 2) * 4 <= most(tile) * 3) tile /= 2;
  return std::min(tile, units);
}

// The phases of a step: forward of each block, the loss, then for each block, last first, its norm
// and dW, and its dX.
struct Phases {
  int blocks = 0;
  int forward(int l) const { return l; }
  int loss() const { return blocks; }
  int weights(int l) const { return blocks + 1 + 2 * (blocks - 1 - l); }
  int inputs(int l) const { return weights(l) + 1; }
  int last() const { return weights(0); }
};

// A buffer that each thread has one of.
struct Scratch {
  Arena::Id id = 0;
  size_t stride = 0;  // bytes
  template <class T>
  T* at(Arena& arena, size_t thread) const {
    return reinterpret_cast<T*>(arena.at(id) + thread * stride);
  }
};

// Buffers of one block. [n][...] shapes; B = batch, P = positions the batch norm sees, C = units.
struct BlockBuffers {
  // Persistent. Of a frozen block W is one bit, and there are no momenta.
  Format weight_format = Format::bit;
  Arena::Id weights;                        // [fan_in][C], stored; rows begin with a byte
  std::optional<Arena::Id> momenta;         // as W
  std::optional<Arena::Id> second;          // [fan_in][C] f32: Adam's, under real gradients only
  Arena::Id beta;                           // [C] f32
  std::optional<Arena::Id> beta_m, beta_v;  // [C] f32; v: Adam's
  Arena::Id moving_mu, moving_psi;          // [C] f32
  // From forward to backward; below the lowest block that is trained, to the next forward.
  Arena::Id signs;                   // [B][P][words] bits of X' >= 0
  std::optional<Arena::Id> inside;   // [B][P][words] bits of |X'| <= 1 (ste: clip)
  std::optional<Arena::Id> pooled;   // [B][P'][words] bits behind a pool
  std::optional<Arena::Id> winners;  // [B][P][C] 2-bit indices of a pool before the norm
  std::optional<Arena::Id> normed;   // [B][P][C] Xn (real activations)
  Arena::Id reciprocal, omega;       // [C] f32: 1/psi, mean |X'|
  // Forward.
  Format product_format = Format::i16;  // of Y in the map
  bool keeps_products = true;           // whether the map has room for Y
  bool sums_inputs = false;             // whether Y's sums are had from them (layers/input_sums.h)
  Arena::Id packed_forward;             // W^ (packed_weights.h)
  std::optional<Arena::Id> tap_counts;  // [taps][C] i32: +1 weights of each tap (padded windows)
  size_t rows_forward = 0;              // rows handled at once, of the product
  Scratch input_rows, products;         // [rows][words] or i16 terms; [rows][C] i32
  Scratch sums;                         // [C] f64, of Y and what is made of it
  // Norm and dW; not of a frozen block. G, S: f32 and f64, or i16 (i6: i8) and i32; the first
  // block's bytes are i16 too.
  size_t rows_dw = 0, tile_words = 1, tile_units = 1;
  size_t tiles_across = 1;  // of all words
  size_t row_parts = 1;     // threads that share the rows of a tile
  Scratch gradients_dw;     // [units of the tile][rows] G; first block: [rows][units of the tile]
  Scratch input_columns;    // [rows/32][lanes of the tile] u32; first block: [rows][64] i16
  Scratch accumulator;      // [units of the tile][its lanes] S; first block: [64][units] f64
  std::optional<Scratch> border;  // [taps][units of the tile] f64 (padded windows)
  // dX; of the blocks above the lowest that is trained.
  size_t rows_dx = 0, samples_dx = 0;
  InputParts parts_dx;            // dX of rows is made in these
  Arena::Id packed_backward = 0;  // from dW on, as dW moves the weights
  Scratch unit_columns;           // [C] u32, while packing it
  Scratch gradients;              // [rows][C, as terms] G
  Scratch samples;                // [samples][PaddedMap] S
  size_t sum_bytes = 0;           // of S
  std::optional<Scratch>
      winners_of_row;  // [4][P' across][words] bits (below: a pool behind the sign)
};

struct Plan {
  Phases phases;
  size_t threads = 1, widest = 0;  // widest: most units of a block
  size_t sample_bytes = 0;         // of the map
  Arena::Id images, labels;        // [B][input] u8, [B] i32
  Arena::Id map;                   // [B][sample_bytes]: Y, then dX' and dY, of one block at a time
  Arena::Id logits;                // [B][classes] f32, then their gradients
  Arena::Id row;                   // gradients of a sample's logits, [classes] f32
  Scratch own_row;                 // a row of a map, [widest] elements
  Arena::Id sums;                  // [3][widest] f64
  // Shared exponents (gradient_map.h).
  Arena::Id scales = 0, largest = 0;  // [4][widest] f32, [threads][widest] i32
  Arena::Id sample_exponents = 0;     // [B][exponents a sample] i8
  Arena::Id order = 0, shifts = 0;    // [terms] u32, [terms/8] u8: of the widest block
  size_t exponents_per_sample = 0;
  std::vector<BlockBuffers> blocks;
  std::vector<Arena::Id> persistent;  // those of the blocks, in order
};

// Declares everything and lets the arena plan. Throws InputError where integer sums of gradients
// could overflow.
Plan make_plan(const RunFile& run, const Network& network, Arena& arena, size_t threads = 1);

}  // namespace edgebnn
