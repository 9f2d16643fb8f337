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

// Gradients of channels c, ...: k as stored, and k·2^e. kSame: all rows have the first one's
// exponents (e_stride is 0), which are read once.
template <class T, bool kSame>
struct LoadedGradients {
  GradientRows rows;
  size_t c, left;
  Floats unit = kShared<T> && kSame ? unit_of<T>(rows, 0, c, left, 1) : Floats{};

  [[gnu::always_inline]] Vector<T> stored(size_t m) const {
    return load(static_cast<const T*>(rows.k) + m * rows.stride + c, left);
  }
  [[gnu::always_inline]] Floats value(size_t m, Vector<T> k) const {
    if constexpr (!kShared<T>) return as<float>(k);
    const Floats x = as<float>(as<int32_t>(k));
    if constexpr (kSame) return x * unit;
    return x * unit_of<T>(rows, m, c, left, 1);
  }
};

// x where the channel's bit is set, else 0.
template <class T>
[[gnu::always_inline]] inline Vector<T> kept_of(const BitRows& kept, size_t m, size_t c,
                                                Vector<T> x) {
  if (kept.bits == nullptr) return x;
  const Ints mask = mask_of(word_at(kept.bits + m * kept.stride, c));
  return bits_as<T>(bits_as<int32_t>(x) & mask);
}

}  // namespace
}  // namespace edgebnn
