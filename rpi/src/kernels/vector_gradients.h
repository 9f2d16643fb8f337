// Stored gradients (gradients.h), sixteen channels at a time. T: what an element is stored as:
// float, _Float16, or an integer that shares its exponent. As vector.h, internal to its file.
#pragma once

#include "kernels/gradients.h"
#include "kernels/vector.h"

namespace edgebnn {
namespace {

template <class T>
inline constexpr bool kShared = T(0.5f) == T(0);

// Of row m, channels c, ...: 2^e, or 2^-e.
template <class T, class Rows>
[[gnu::always_inline]] inline Floats unit_of(const Rows& rows, size_t m, size_t c, size_t left,
                                             int sign) {
  const int8_t* e = rows.e + m * rows.e_stride;
  if constexpr (sizeof(T) == 1) return powers_of_two(as<int32_t>(load(e + c, left)) * sign);
  return powers_of_two(Ints{} + sign * *e);
}

template <class T>
[[gnu::always_inline]] inline Floats load_gradient(const GradientRows& rows, size_t m, size_t c,
                                                   size_t left) {
  const T* k = static_cast<const T*>(rows.k) + m * rows.stride + c;
  const Floats x = as<float>(load(k, left));
  if constexpr (!kShared<T>) return x;
  return x * unit_of<T>(rows, m, c, left, 1);
}

// Of a value that is scaled already.
template <class T>
[[gnu::always_inline]] inline void store_scaled(T* to, size_t left, Floats x) {
  constexpr float kLow = sizeof(T) == 1 ? -128 : -32768, kHigh = -kLow - 1;
  store(to, narrowed<T>(x, kLow, kHigh), left);
}

template <class T>
[[gnu::always_inline]] inline void store_gradient(const GradientRowsOut& rows, size_t m, size_t c,
                                                  size_t left, Floats x) {
  if constexpr (kShared<T>) x *= unit_of<T>(rows, m, c, left, -1);
  store_scaled(static_cast<T*>(rows.k) + m * rows.stride + c, left, x);
}

// x where the channel's bit is set, else 0.
[[gnu::always_inline]] inline Floats kept_of(const BitRows& kept, size_t m, size_t c, Floats x) {
  if (kept.bits == nullptr) return x;
  const Ints mask = mask_of(word_at(kept.bits + m * kept.stride, c));
  return bits_as<float>(bits_as<int32_t>(x) & mask);
}

}  // namespace
}  // namespace edgebnn
