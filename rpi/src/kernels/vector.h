// Sixteen channels at a time: what kernels/*/vector.cc are written in. Each of those is one source,
// compiled for every ISA of the machine under a name of its own, EDGEBNN_NAME(op): op_avx512,
// op_avx2, op_neon. The compiler makes one register, two or four of such a vector.
//
// All of it is internal to the file that includes it: the linker must never share code of two ISAs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "format.h"

#define EDGEBNN_JOINED(op, isa) op##_##isa
#define EDGEBNN_NAME_OF(op, isa) EDGEBNN_JOINED(op, isa)
#define EDGEBNN_NAME(op) EDGEBNN_NAME_OF(op, EDGEBNN_ISA)

namespace edgebnn {
namespace {

constexpr size_t kAtOnce = 16;

template <class T>
using Vector [[gnu::vector_size(kAtOnce * sizeof(T))]] = T;
using Floats = Vector<float>;
using Doubles = Vector<double>;
using Ints = Vector<int32_t>;
using Words = Vector<uint32_t>;

}  // namespace
}  // namespace edgebnn

#if defined(__ARM_NEON)
#include "kernels/vector_neon.h"
#endif

namespace edgebnn {
namespace {

// `left`: how many elements there are from here on; beyond them, a load gives zeros and a store
// writes nothing.
[[gnu::noinline, gnu::cold, maybe_unused]] void copy_part(void* to, const void* from,
                                                          size_t bytes) {
  std::memcpy(to, from, bytes);
}

template <class T>
[[gnu::always_inline]] inline Vector<T> load(const T* from, size_t left = kAtOnce) {
  if (left >= kAtOnce) [[likely]] {
    Vector<T> v;
    std::memcpy(&v, from, sizeof v);
    return v;
  }
  Vector<T> part{};
  copy_part(&part, from, left * sizeof(T));
  return part;
}

template <class T>
[[gnu::always_inline]] inline void store(T* to, Vector<T> v, size_t left = kAtOnce) {
  if (left >= kAtOnce) [[likely]] {
    std::memcpy(to, &v, sizeof v);
  } else {
    const Vector<T> part = v;
    copy_part(to, &part, left * sizeof(T));
  }
}

template <class To, class From>
[[gnu::always_inline]] inline Vector<To> as(Vector<From> v) {
#if defined(__ARM_NEON)
  if constexpr (sizeof(From) == 1 && From(-1) < From(0) && sizeof(To) == 4)
    return __builtin_convertvector(neon::widened(v), Vector<To>);
#endif
  return __builtin_convertvector(v, Vector<To>);
}

template <class To, class From>
[[gnu::always_inline]] inline Vector<To> bits_as(Vector<From> v) {
  return reinterpret_cast<Vector<To>&>(v);
}

template <class V>
[[gnu::always_inline]] inline V largest(V a, V b) {
  return a > b ? a : b;
}

template <class V>
[[gnu::always_inline]] inline V smallest(V a, V b) {
  return a < b ? a : b;
}

[[gnu::always_inline]] inline Floats magnitude(Floats x) {
  return bits_as<float>(bits_as<int32_t>(x) & 0x7FFFFFFF);
}

// All ones where bit i of the word is set.
[[gnu::always_inline]] inline Ints mask_of(uint16_t word) {
#if defined(__ARM_NEON)
  return neon::mask_of(word);
#else
  constexpr Ints kBit = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                         1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
  return (Ints{} + static_cast<int32_t>(word) & kBit) != 0;
#endif
}

// The same as a mask of halfwords or bytes.
template <class T>
[[gnu::always_inline]] inline Vector<T> narrow_mask_of(uint16_t word) {
  static_assert(sizeof(T) <= 2);
#if defined(__AVX512BW__)
  if constexpr (sizeof(T) == 2) return (Vector<T>)_mm256_movm_epi16(word);
  if constexpr (sizeof(T) == 1) return (Vector<T>)_mm_movm_epi8(word);
#elif defined(__ARM_NEON)
  if constexpr (sizeof(T) == 2) return neon::halfword_mask_of(word);
  if constexpr (sizeof(T) == 1) return neon::byte_mask_of(word);
#else
  constexpr Vector<uint16_t> kBit = {1 << 0,  1 << 1,  1 << 2,  1 << 3, 1 << 4,  1 << 5,
                                     1 << 6,  1 << 7,  1 << 8,  1 << 9, 1 << 10, 1 << 11,
                                     1 << 12, 1 << 13, 1 << 14, 1 << 15};
  return as<T>((Vector<uint16_t>{} + word & kBit) != 0);
#endif
}

// Bit i is set where element i of a mask is all ones.
[[gnu::always_inline]] inline uint16_t bits_of(Ints mask) {
#if defined(__AVX512DQ__)
  return static_cast<uint16_t>(_mm512_movepi32_mask(reinterpret_cast<__m512i&>(mask)));
#elif defined(__AVX2__)
  const auto* half = reinterpret_cast<const __m256*>(&mask);
  return static_cast<uint16_t>(_mm256_movemask_ps(half[0]) | _mm256_movemask_ps(half[1]) << 8);
#elif defined(__ARM_NEON)
  return neon::bits_of(mask);
#else
  uint16_t word = 0;
  for (size_t i = 0; i < kAtOnce; ++i) word |= static_cast<uint16_t>((mask[i] & 1) << i);
  return word;
#endif
}

// Those of two masks, the second's above.
[[gnu::always_inline]] inline uint32_t bits_of(Ints mask, Ints above) {
#if defined(__ARM_NEON)
  return neon::bits_of(mask, above);
#else
  return bits_of(mask) | static_cast<uint32_t>(bits_of(above)) << 16;
#endif
}

// The sixteen bits of channels 16·i.. of a row of bits.
[[gnu::always_inline]] inline uint16_t word_at(const uint8_t* row, size_t channel) {
  uint16_t word;
  std::memcpy(&word, row + channel / 8, sizeof word);
  return word;
}

// 2^e, |e| <= 126.
[[gnu::always_inline]] inline Floats powers_of_two(Ints e) {
  return bits_as<float>((e + 127) << 23);
}

[[gnu::always_inline]] inline Floats clamped(Floats x, float low, float high) {
#if defined(__ARM_NEON)
  return neon::clamped(x, low, high);
#else
  x = x < low ? Floats{} + low : x;
  return x > high ? Floats{} + high : x;
#endif
}

// The nearest integers, ties to even; |x| <= 2^22.
[[gnu::always_inline]] inline Ints rounded(Floats x) {
#if defined(__aarch64__)
  return neon::rounded(x);
#elif defined(__AVX512F__)
  return (Ints)_mm512_cvtps_epi32((__m512)x);
#elif defined(__AVX2__)
  const auto* half = reinterpret_cast<const __m256*>(&x);
  const __m256i k[2] = {_mm256_cvtps_epi32(half[0]), _mm256_cvtps_epi32(half[1])};
  return reinterpret_cast<const Ints&>(k);
#else
  return as<int32_t>((x + 0x1.8p23f) - 0x1.8p23f);
#endif
}

// An element as it is stored: integers saturate and round to the nearest, halves by themselves.
template <class T>
[[gnu::always_inline]] inline Vector<T> narrowed(Floats x) {
  if constexpr (T(0.5f) != T(0)) {
    return as<T>(x);
  } else {
    constexpr float kLow = std::numeric_limits<T>::min(), kHigh = std::numeric_limits<T>::max();
#if defined(__aarch64__)
    if constexpr (sizeof(T) == 1) return neon::bytes_of(x);
    if constexpr (sizeof(T) == 2) return neon::halfwords_of(x);
#elif defined(__AVX512BW__)
    // What is too low for 32 bits becomes their lowest; what is too high would, too.
    const auto k = (__m512i)rounded(smallest(x, Floats{} + kHigh));
    if constexpr (sizeof(T) == 1) return (Vector<T>)_mm512_cvtsepi32_epi8(k);
    if constexpr (sizeof(T) == 2) return (Vector<T>)_mm512_cvtsepi32_epi16(k);
#endif
    return as<T>(rounded(clamped(x, kLow, kHigh)));
  }
}

}  // namespace
}  // namespace edgebnn
