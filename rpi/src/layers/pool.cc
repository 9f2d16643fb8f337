#include "layers/pool.h"

#include <cstring>

namespace edgebnn {
namespace {

// Position of window element `k` (row by row) of pooled position `p`, in a map of width `width`.
size_t window_position(size_t p, size_t k, size_t width, size_t pooled_width) {
  return (p / pooled_width * 2 + k / 2) * width + p % pooled_width * 2 + k % 2;
}

}  // namespace

PoolBefore::PoolBefore(const Block& block, const BlockBuffers& buffers, const Plan& plan,
                       Format product_format, const Switches& switches, Arena& arena)
    : block_(block),
      buffers_(buffers),
      plan_(plan),
      product_format_(product_format),
      switches_(switches),
      arena_(arena) {}

void PoolBefore::forward(size_t samples) {
  const size_t units = block_.units(), positions = block_.normed.positions();
  const size_t winner_bytes = (units + 3) / 4;
  auto* best = arena_.at<float>(plan_.row);
  float* other = best + units;
  for (size_t b = 0; b < samples; ++b) {
    uint8_t* map = arena_.at(plan_.map) + b * plan_.sample_bytes;
    for (size_t p = 0; p < positions; ++p) {
      uint8_t* winners = arena_.at(*buffers_.winners) + (b * positions + p) * winner_bytes;
      std::memset(winners, 0, winner_bytes);
      for (size_t k = 0; k < 4; ++k) {
        const size_t from = window_position(p, k, block_.window.out.width, block_.normed.width);
        load(product_format_, map, from * units, units, k == 0 ? best : other);
        for (size_t c = 0; c < units && k > 0; ++c) {
          if (other[c] <= best[c]) continue;
          best[c] = other[c];
          winners[c / 4] =
              static_cast<uint8_t>((winners[c / 4] & ~(3u << (c % 4 * 2))) | k << (c % 4 * 2));
        }
      }
      store(product_format_, map, p * units, units, best);
    }
  }
}

void PoolBefore::backward(size_t samples) {
  const size_t units = block_.units(), positions = block_.normed.positions();
  const size_t full = block_.window.out.size(), winner_bytes = (units + 3) / 4;
  // The sample's scratch holds the pooled gradient as float32 while the map is spread.
  auto* pooled = arena_.at<float>(buffers_.sample);
  auto* row = arena_.at<float>(plan_.row);
  std::memset(row, 0, units * 4);
  for (size_t b = 0; b < samples; ++b) {
    uint8_t* map = arena_.at(plan_.map) + b * plan_.sample_bytes;
    load(switches_.gradients, map, 0, positions * units, pooled);
    for (size_t at = 0; at < full; at += units) store(switches_.gradients, map, at, units, row);
    for (size_t p = 0; p < positions; ++p) {
      const uint8_t* winners = arena_.at(*buffers_.winners) + (b * positions + p) * winner_bytes;
      for (size_t c = 0; c < units; ++c) {
        const size_t k = winners[c / 4] >> (c % 4 * 2) & 3;
        const size_t to = window_position(p, k, block_.window.out.width, block_.normed.width);
        store(switches_.gradients, map, to * units + c, 1, pooled + p * units + c);
      }
    }
  }
}

void pool_signs(const Block& block, const uint64_t* signs, uint64_t* pooled, size_t samples) {
  const size_t words = words_for(block.units());
  for (size_t b = 0; b < samples; ++b) {
    for (size_t p = 0; p < block.out.positions(); ++p) {
      for (size_t word = 0; word < words; ++word) {
        uint64_t any = 0;
        for (size_t k = 0; k < 4; ++k) {
          const size_t from = window_position(p, k, block.normed.width, block.out.width);
          any |= signs[(b * block.normed.positions() + from) * words + word];
        }
        pooled[(b * block.out.positions() + p) * words + word] = any;
      }
    }
  }
}

size_t winning_sign(const Block& block, const uint64_t* signs, size_t sample,
                    size_t pooled_position, size_t channel) {
  const size_t words = words_for(block.units());
  for (size_t k = 0; k < 4; ++k) {
    const size_t from = window_position(pooled_position, k, block.normed.width, block.out.width);
    const uint64_t word = signs[(sample * block.normed.positions() + from) * words + channel / 64];
    if (word >> (channel % 64) & 1) return k;
  }
  return 0;
}

}  // namespace edgebnn
