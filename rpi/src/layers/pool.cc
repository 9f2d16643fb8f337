#include "layers/pool.h"

#include <algorithm>
#include <cstring>

namespace edgebnn {
namespace {

// From the last position to the first: a window never lies before its pooled position.
template <class T>
void spread(const Block& block, const uint8_t* winners, T* map, T* pooled) {
  const size_t units = block.units(), bytes = winner_bytes(units);
  const size_t width = block.window.out.width, height = block.window.out.height;
  for (size_t p = block.normed.positions(); p-- > 0;) {
    std::memcpy(pooled, map + p * units, units * sizeof(T));
    const auto window = [&](size_t k) {
      return map + window_position(p, k, width, block.normed.width) * units;
    };
    for (size_t k = 0; k < 4; ++k) std::memset(window(k), 0, units * sizeof(T));
    for (size_t c = 0; c < units; ++c)
      window(winners[p * bytes + c / 4] >> (c % 4 * 2) & 3)[c] = pooled[c];
  }
  // A last odd row and column are in no window.
  for (size_t y = 0; y < height && width % 2 == 1; ++y)
    std::memset(map + (y * width + width - 1) * units, 0, units * sizeof(T));
  if (height % 2 == 1)
    std::memset(map + (height - 1) * width * units, 0, width * units * sizeof(T));
}

}  // namespace

void pool_products(size_t n, size_t stride, const int32_t* y, float* pooled, uint8_t* winners) {
  constexpr size_t kAtOnce = 64;
  int32_t places[kAtOnce];
  for (size_t c = 0; c < n; c += kAtOnce, y += kAtOnce, pooled += kAtOnce) {
    const size_t some = std::min(kAtOnce, n - c);
    for (size_t i = 0; i < some; ++i) {
      int32_t best = y[i], place = 0;
      for (int32_t k = 1; k < 4; ++k) {
        const int32_t other = y[static_cast<size_t>(k) * stride + i];
        place = other > best ? k : place;
        best = std::max(best, other);
      }
      pooled[i] = static_cast<float>(best);
      places[i] = place;
    }
    std::fill(places + some, places + (some + 3) / 4 * 4, 0);
    for (size_t i = 0; i < some; i += 4) {
      *winners++ = static_cast<uint8_t>(places[i] | places[i + 1] << 2 | places[i + 2] << 4 |
                                        places[i + 3] << 6);
    }
  }
}

// Stored elements are moved as they are: zero is all bits zero in every format.
void spread_to_winners(const Block& block, const BlockBuffers& buffers, const Context& context,
                       size_t samples) {
  const size_t bytes = block.normed.positions() * winner_bytes(block.units());
  context.threads.each([&](size_t part) {
    const Range range = part_of(samples, part, context.threads.count());
    void* row = context.plan.own_row.at<float>(context.arena, part);
    for (size_t b = range.begin; b < range.end; ++b) {
      const uint8_t* winners = context.arena.at(*buffers.winners) + b * bytes;
      uint8_t* map = context.gradients.sample(b);
      switch (bytes_of(context.gradients.format())) {
        case 1:
          spread(block, winners, map, static_cast<uint8_t*>(row));
          break;
        case 2:
          spread(block, winners, reinterpret_cast<uint16_t*>(map), static_cast<uint16_t*>(row));
          break;
        default:
          spread(block, winners, reinterpret_cast<uint32_t*>(map), static_cast<uint32_t*>(row));
      }
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
