#include "augmentation.h"

#include <algorithm>
#include <cstring>

namespace edgebnn {
namespace {

// Uniform in [-most, most]: the draw's upper 32 bits scaled by 2·most + 1.
int64_t shift_of(uint64_t draw, int64_t most) {
  const uint64_t scaled = (draw >> 32) * static_cast<uint64_t>(2 * most + 1);
  return static_cast<int64_t>(scaled >> 32) - most;
}

// out[i] = in[clamp(i - by, 0, count - 1)], in place, for `count` items (rows, or pixels of a row)
// of `bytes` each; or 0 where i - by is outside. |by| < count.
void shift(uint8_t* items, size_t count, size_t bytes, int64_t by, bool zero_fill) {
  if (by == 0) return;
  const auto vacated = static_cast<size_t>(by < 0 ? -by : by);
  const size_t kept = (count - vacated) * bytes, gap = vacated * bytes;
  if (by > 0) {
    std::memmove(items + gap, items, kept);
    if (zero_fill) return void(std::memset(items, 0, gap));
    for (size_t at = bytes; at < gap; at += bytes) std::memcpy(items + at, items, bytes);
  } else {
    std::memmove(items, items + gap, kept);
    if (zero_fill) return void(std::memset(items + kept, 0, gap));
    for (size_t at = kept; at < kept + gap; at += bytes)
      std::memcpy(items + at, items + kept - bytes, bytes);
  }
}

void mirror(uint8_t* row, size_t width, size_t channels) {
  for (size_t left = 0, right = width - 1; left < right; ++left, --right) {
    uint8_t* pixel = row + left * channels;
    std::swap_ranges(pixel, pixel + channels, row + right * channels);
  }
}

}  // namespace

Augmentation::Augmentation(const RunFile& run, const Shape& shape, uint64_t epoch)
    : stream_(run.seed, kAugmentation + epoch),
      height_(static_cast<size_t>(shape.height)),
      width_(static_cast<size_t>(shape.width)),
      channels_(static_cast<size_t>(shape.channels)),
      most_down_(static_cast<int64_t>(run.shift * shape.height)),
      most_right_(static_cast<int64_t>(run.shift * shape.width)),
      zero_fill_(run.zero_fill),
      flip_(run.flip) {}

void Augmentation::apply(uint64_t position, uint8_t* image) const {
  const int64_t down = shift_of(stream_.draw(3 * position), most_down_);
  const int64_t right = shift_of(stream_.draw(3 * position + 1), most_right_);
  const bool mirrored = flip_ && stream_.draw(3 * position + 2) >> 63 != 0;
  const size_t row_bytes = width_ * channels_;
  shift(image, height_, row_bytes, down, zero_fill_);
  for (size_t y = 0; y < height_; ++y) {
    uint8_t* row = image + y * row_bytes;
    shift(row, width_, channels_, right, zero_fill_);
    if (mirrored) mirror(row, width_, channels_);
  }
}

}  // namespace edgebnn
