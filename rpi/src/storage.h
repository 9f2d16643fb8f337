// The number formats that weights, momenta, gradients and maps are stored in (docs/numerics.md,
// "Storage"). Arithmetic is float32; an element is rounded when it is stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "format.h"

namespace edgebnn {

// Bytes of one element; not for i4_momentum and bit, which share theirs.
size_t bytes_of(Format format);
// Bytes of n elements.
inline size_t bytes_for(Format format, size_t n) {
  switch (format) {
    case Format::f32:
    case Format::i32:
      return 4 * n;
    case Format::f16:
    case Format::q15:
    case Format::i16:
      return 2 * n;
    case Format::i4_momentum:
      return (n + 1) / 2;
    case Format::bit:
      return (n + 7) / 8;
    default:
      return n;
  }
}
// Elements from one row of a matrix to the next: rows begin with a byte.
size_t row_stride(Format format, size_t units);
std::string_view name_of(Format format);

// float16 bits of x, subnormals kept, overflow to infinity.
uint16_t half_bits(float x);
float half_value(uint16_t bits);

// Formats of gradients that share exponents (gradient_map.h).
inline bool shares_exponents(Format format) {
  return format == Format::i16 || format == Format::i8 || format == Format::i6;
}

// To the nearest integer, ties to even. By addition of 1.5·2^23, exact for |x| <= 2^22: small cores
// have no instruction for it.
inline float nearest(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

// Loads n elements of a stored array, from element `first` on, as float32. Plain integers are exact
// up to 2^24; a bit is -1 or +1.
void load(Format format, const void* stored, size_t first, size_t n, float* out);

// Rounds to nearest even and stores n elements; fixed-point formats saturate. A bit takes the sign.
void store(Format format, void* stored, size_t first, size_t n, const float* in);

// The same, by stochastic rounding in those formats that ask for it: element k of the n takes the
// noise of `counter + k`.
void store(Format format, void* stored, size_t first, size_t n, const float* in, uint32_t counter);

}  // namespace edgebnn
