// Elements of stored arrays (storage.h), sixteen at a time. As vector.h, internal to its file.
#pragma once

#include "grids.h"
#include "kernels/vector.h"

namespace edgebnn {
namespace {

constexpr Ints kPlaces = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

template <class T>
[[gnu::always_inline]] inline const T* from(const void* array, size_t first) {
  return static_cast<const T*>(array) + first;
}
template <class T>
[[gnu::always_inline]] inline T* to(void* array, size_t first) {
  return static_cast<T*>(array) + first;
}

// Of nibbles: two a byte, the even element in the low half. `first` is even.
[[gnu::always_inline]] inline Ints load_nibbles(const void* array, size_t first, size_t left) {
  Vector<uint8_t> bytes{};
  const uint8_t* at = from<uint8_t>(array, first / 2);
  left >= kAtOnce ? static_cast<void>(std::memcpy(&bytes, at, 8))
                  : copy_part(&bytes, at, (left + 1) / 2);
  bytes = __builtin_shufflevector(bytes, bytes, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  const Ints nibbles = as<int32_t>(bytes) >> (kPlaces % 2 * 4) & 15;
  return (nibbles ^ 8) - 8;
}

[[gnu::always_inline]] inline void store_nibbles(void* array, size_t first, Ints k, size_t left) {
  if (left < kAtOnce) k &= mask_of(static_cast<uint16_t>((1u << left) - 1));
  k = (k & 15) << (kPlaces % 2 * 4);
  const auto all = as<int8_t>(k);
  const auto even =
      __builtin_shufflevector(all, all, 0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14);
  const auto odd =
      __builtin_shufflevector(all, all, 1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15);
  const Vector<int8_t> bytes = even | odd;
  uint8_t* at = to<uint8_t>(array, first / 2);
  left >= kAtOnce ? static_cast<void>(std::memcpy(at, &bytes, 8))
                  : copy_part(at, &bytes, (left + 1) / 2);
}

[[gnu::always_inline]] inline Floats load_bits(const void* array, size_t first, size_t left) {
  uint16_t word = 0;
  copy_part(&word, from<uint8_t>(array, first / 8), left > 8 ? 2 : 1);
  return mask_of(word) != 0 ? Floats{} + 1.0f : Floats{} - 1.0f;
}

[[gnu::always_inline]] inline void store_bits(void* array, size_t first, Floats x, size_t left) {
  uint16_t word = bits_of(x >= 0);
  if (left < kAtOnce) word &= static_cast<uint16_t>((1u << left) - 1);
  copy_part(to<uint8_t>(array, first / 8), &word, left > 8 ? 2 : 1);
}

// The 32-bit mixer of stochastic rounding (random.h).
[[gnu::always_inline]] inline Words mixed(Words z) {
  z = (z ^ (z >> 16)) * 0x7FEB352D;
  z = (z ^ (z >> 15)) * 0x846CA68B;
  return z ^ (z >> 16);
}

[[gnu::always_inline]] inline Ints floor_of(Floats x) {
#if defined(__aarch64__)
  return neon::floor_of(x);
#else
  const Ints towards_zero = as<int32_t>(x);
  return towards_zero + (as<float>(towards_zero) > x);
#endif
}

[[gnu::always_inline]] inline Floats load_stored(Format format, const void* array, size_t first,
                                                 size_t left) {
  switch (format) {
    case Format::f32:
      return load(from<float>(array, first), left);
    case Format::f16:
      return as<float>(load(from<_Float16>(array, first), left));
    case Format::q15:
      return as<float>(load(from<int16_t>(array, first), left)) * kQ15.unit;
    case Format::i8_weight:
      return as<float>(load(from<int8_t>(array, first), left)) * kWeight8.unit;
    case Format::i8_momentum:
      return as<float>(load(from<int8_t>(array, first), left)) * kMomentum8.unit;
    case Format::i4_momentum:
      return as<float>(load_nibbles(array, first, left)) * kMomentum4.unit;
    default:
      return load_bits(array, first, left);
  }
}

// x on a grid, by stochastic rounding.
[[gnu::always_inline]] inline Ints on_grid(Floats x, Grid grid, uint32_t noise) {
  const Words drawn = mixed(bits_as<uint32_t>(kPlaces) + noise) >> 16;
  return floor_of(clamped(x * grid.scale, grid.low, grid.high) +
                  as<float>(bits_as<int32_t>(drawn)) * 0x1p-16f);
}

// Stores x and returns what was stored; for the formats that W and m may have.
[[gnu::always_inline]] inline Floats store_stored(Format format, void* array, size_t first,
                                                  Floats x, size_t left, uint32_t noise) {
  switch (format) {
    case Format::f32:
      store(to<float>(array, first), x, left);
      return x;
    case Format::f16: {
      const auto half = as<_Float16>(x);
      store(to<_Float16>(array, first), half, left);
      return as<float>(half);
    }
    case Format::q15: {
      const Ints k = rounded(clamped(x * kQ15.scale, kQ15.low, kQ15.high));
      store(to<int16_t>(array, first), as<int16_t>(k), left);
      return as<float>(k) * kQ15.unit;
    }
    case Format::i8_weight: {
      const Ints k = on_grid(x, kWeight8, noise);
      store(to<int8_t>(array, first), as<int8_t>(k), left);
      return as<float>(k) * kWeight8.unit;
    }
    case Format::i8_momentum: {
      const Ints k = on_grid(x, kMomentum8, noise);
      store(to<int8_t>(array, first), as<int8_t>(k), left);
      return as<float>(k) * kMomentum8.unit;
    }
    case Format::i4_momentum: {
      const Ints k = on_grid(x, kMomentum4, noise);
      store_nibbles(array, first, k, left);
      return as<float>(k) * kMomentum4.unit;
    }
    default:
      store_bits(array, first, x, left);
      return x;
  }
}

}  // namespace
}  // namespace edgebnn
