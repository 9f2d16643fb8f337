// Which buffers training needs, and when: the network, the batch and the switches, declared to the
// arena.
//
// Phases of a step, for L blocks: l = forward of block l, L = loss, 2L - l = backward of block l.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "arena.h"
#include "network.h"

namespace edgebnn {

// How a row of inputs is packed: groups of lanes, each padded to whole words. A group is a window's
// tap with its channels; the first layer's integers are one group, as nothing is packed there but
// W.
struct Lanes {
  size_t groups = 0, per_group = 0, words_per_group = 0;
  size_t words() const { return groups * words_per_group; }
};

inline size_t words_for(size_t bits) { return (bits + 63) / 64; }

Lanes lanes_of(const Block& block);

// Buffers of one block. [n][...] shapes; B = batch, P = positions the batch norm sees, C = units.
struct BlockBuffers {
  // Persistent.
  Arena::Id weights, momenta;       // [fan_in][C], stored
  std::optional<Arena::Id> second;  // [fan_in][C] f32: Adam's, under real gradients only
  Arena::Id beta, beta_m, beta_v;   // [C] f32
  Arena::Id moving_mu, moving_psi;  // [C] f32
  // From forward to backward.
  Arena::Id signs;                   // [B][P][words] bits of X' >= 0
  std::optional<Arena::Id> inside;   // [B][P][words] bits of |X'| <= 1 (ste: clip)
  std::optional<Arena::Id> pooled;   // [B][P'][words] bits behind a pool
  std::optional<Arena::Id> winners;  // [B][P][C] 2-bit indices of a pool before the norm
  std::optional<Arena::Id> normed;   // [B][P][C] f32 Xn (real activations)
  Arena::Id reciprocal, omega;       // [C] f32: 1/psi, mean |X'|
  // Within one phase.
  Arena::Id packed_forward, packed_backward;  // [C][words] W^
  std::optional<Arena::Id> tap_counts;  // [C][taps] i32: +1 weights of each tap (padded windows)
  Arena::Id input_rows, products;       // forward: [rows][words] or i16 lanes; [rows][C] i32
  Arena::Id sums;                       // forward and backward: [3][C] f64
  Arena::Id sample;                     // backward: one sample of the wider map, f64
  Arena::Id gradient_rows;              // backward: [rows][C] f32
  Arena::Id column;                     // backward: [rows] words or [rows][64] i16
  Arena::Id accumulator;                // backward: [64][C] f64
  std::optional<Arena::Id> border;      // backward: [taps][C] f64 (padded windows)
  std::optional<Arena::Id> lanes;       // backward: [rows][64·words] f64 (dX; not in the first)
  Arena::Id dw;                         // backward: [fan_in][C] bits, or f32
  size_t rows_forward = 0, rows_dw = 0, rows_dx = 0;  // rows handled at once
};

struct Plan {
  Arena::Id images, labels;  // [B][input] u8, [B] i32
  Arena::Id map;             // [B][sample_bytes]: Y, then dX' and dY, of one block at a time
  Arena::Id logits;          // [B][classes] f32
  Arena::Id row;             // four rows of the widest map, f32
  size_t sample_bytes = 0;
  std::vector<BlockBuffers> blocks;
  std::vector<Format> product_format;  // of each block's Y in the map
};

// Declares everything and lets the arena plan.
Plan make_plan(const RunFile& run, const Network& network, Arena& arena);

}  // namespace edgebnn
