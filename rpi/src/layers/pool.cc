#include "layers/pool.h"

#include <cstring>

namespace edgebnn {
namespace {

// From the last position to the first: a window never lies before its pooled position.
void spread_sample(const Block& block, const Kernels& kernels, const uint8_t* winners, size_t bytes,
                   uint8_t* map, uint8_t* pooled) {
  const size_t units = block.units(), row = units * bytes;
  const size_t width = block.window.out.width, height = block.window.out.height;
  for (size_t p = block.normed.positions(); p-- > 0;) {
    std::memcpy(pooled, map + p * row, row);
    void* window[4];
    for (size_t k = 0; k < 4; ++k)
      window[k] = map + window_position(p, k, width, block.normed.width) * row;
    kernels.spread(units, bytes, pooled, winners + p * winner_bytes(units), window);
  }
  // A last odd row and column are in no window.
  for (size_t y = 0; y < height && width % 2 == 1; ++y)
    std::memset(map + (y * width + width - 1) * row, 0, row);
  if (height % 2 == 1) std::memset(map + (height - 1) * width * row, 0, width * row);
}

}  // namespace

// Stored elements are moved as they are: zero is all bits zero in every format.
void spread_to_winners(const Block& block, const BlockBuffers& buffers, const Context& context,
                       size_t samples) {
  const size_t bytes = block.normed.positions() * winner_bytes(block.units());
  context.threads.each([&](size_t part) {
    const Range range = part_of(samples, part, context.threads.count());
    auto* row = context.plan.own_row.at<uint8_t>(context.arena, part);
    for (size_t b = range.begin; b < range.end; ++b) {
      spread_sample(block, context.kernels, context.arena.at(*buffers.winners) + b * bytes,
                    bytes_of(context.gradients.format()), context.gradients.sample(b), row);
    }
  });
}

void pool_signs(const Block& block, const uint64_t* signs, uint64_t* pooled, Range samples) {
  const size_t words = words_for(block.units());
  for (size_t b = samples.begin; b < samples.end; ++b) {
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

void winning_signs(const Block& block, const uint64_t* signs, const uint64_t* inside, size_t y,
                   uint64_t* masks) {
  const auto across = static_cast<size_t>(block.out.width);
  const size_t words = words_for(block.units()), of_place = across * words;
  for (size_t x = 0; x < across; ++x) {
    size_t at[4];
    for (size_t k = 0; k < 4; ++k)
      at[k] = window_position(y * across + x, k, block.normed.width, across) * words;
    for (size_t word = 0; word < words; ++word) {
      uint64_t before = 0;
      for (size_t k = 0; k < 4; ++k) {
        const uint64_t sign = signs[at[k] + word];
        masks[k * of_place + x * words + word] = sign & ~before;
        before |= sign;
      }
      masks[x * words + word] |= ~before;  // all are -1: the first
      for (size_t k = 0; k < 4 && inside != nullptr; ++k)
        masks[k * of_place + x * words + word] &= inside[at[k] + word];
    }
  }
}

}  // namespace edgebnn
