#include "kernels/vector.h"

#include "kernels/max_pool/max_pool.h"

namespace edgebnn {
namespace {

// Bit i of a word at place 2i.
[[gnu::always_inline]] inline uint32_t apart(uint16_t word) {
  uint32_t x = word;
  x = (x | x << 8) & 0x00FF00FF;
  x = (x | x << 4) & 0x0F0F0F0F;
  x = (x | x << 2) & 0x33333333;
  return (x | x << 1) & 0x55555555;
}

template <class T>
inline void spread(size_t n, const T* g, const uint8_t* winners, void* const map[4]) {
  constexpr Ints kShift = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
  for (size_t c = 0; c < n; c += kAtOnce) {
    const size_t left = n - c;
    uint32_t word = 0;
    if (left >= kAtOnce) {
      std::memcpy(&word, winners + c / 4, sizeof word);
    } else {
      copy_part(&word, winners + c / 4, (left + 3) / 4);
    }
    const Ints place = (Ints{} + static_cast<int32_t>(word)) >> kShift & 3;
    const Vector<T> own = load(g + c, left);
    for (int k = 0; k < 4; ++k) store(static_cast<T*>(map[k]) + c, own & as<T>(place == k), left);
  }
}

}  // namespace

void EDGEBNN_NAME(max_pool)(size_t rows, size_t n, size_t stride, const int32_t* y, int32_t* pooled,
                            uint8_t* winners, size_t winner_stride) {
  for (size_t m = 0; m < rows; ++m) {
    for (size_t c = 0; c < n; c += kAtOnce) {
      const size_t left = n - c;
      Ints best = load(y + 4 * m * stride + c, left), place{};
      for (int k = 1; k < 4; ++k) {
        const Ints other = load(y + (4 * m + static_cast<size_t>(k)) * stride + c, left);
        const Ints wins = other > best;
        place = (place & ~wins) | (wins & k);
        best = largest(best, other);
      }
      store(pooled + m * stride + c, best, left);
      const uint32_t word = apart(bits_of((place & 1) != 0)) | apart(bits_of(place >= 2)) << 1;
      uint8_t* to = winners + m * winner_stride + c / 4;
      if (left >= kAtOnce) {
        std::memcpy(to, &word, sizeof word);
      } else {
        copy_part(to, &word, (left + 3) / 4);
      }
    }
  }
}

void EDGEBNN_NAME(spread)(size_t n, size_t bytes, const void* g, const uint8_t* winners,
                          void* const map[4]) {
  switch (bytes) {
    case 1:
      return spread(n, static_cast<const int8_t*>(g), winners, map);
    case 2:
      return spread(n, static_cast<const int16_t*>(g), winners, map);
    default:
      return spread(n, static_cast<const int32_t*>(g), winners, map);
  }
}

}  // namespace edgebnn
