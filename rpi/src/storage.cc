#include "storage.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "grids.h"
#include "random.h"

namespace edgebnn {
namespace {

struct Nearest {
  float operator()(float x, size_t) const { return nearest(x); }
};

struct Stochastic {
  uint32_t counter;
  float operator()(float x, size_t k) const {
    const auto noise = static_cast<int32_t>(mix32(counter + static_cast<uint32_t>(k)) >> 16);
    return std::floor(x + static_cast<float>(noise) * 0x1p-16f);
  }
};

// What is no number is 0, as by the vector kernels' conversions: a float beyond an integer's range
// has no value as one.
float in_range(float x, float low, float high) {
  return std::isnan(x) ? 0.0f : std::clamp(x, low, high);
}

template <class T>
void load_as(const void* stored, size_t first, size_t n, float unit, float* out) {
  const auto* in = static_cast<const T*>(stored) + first;
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<float>(in[i]) * unit;
}

template <class T, class Round>
void store_as(void* stored, size_t first, size_t n, const float* in, Grid grid, Round round) {
  auto* out = static_cast<T*>(stored) + first;
  for (size_t i = 0; i < n; ++i)
    out[i] = static_cast<T>(round(in_range(in[i] * grid.scale, grid.low, grid.high), i));
}

// Two a byte, the even element in the low half.
template <class Round>
void store_nibbles(void* stored, size_t first, size_t n, const float* in, Round round) {
  auto* out = static_cast<uint8_t*>(stored);
  for (size_t i = 0; i < n; ++i) {
    const float k = round(in_range(in[i] * kMomentum4.scale, -7.0f, 7.0f), i);
    const int shift = (first + i) % 2 * 4, nibble = static_cast<int>(k) & 15;
    uint8_t& byte = out[(first + i) / 2];
    byte = static_cast<uint8_t>((byte & ~(15 << shift)) | nibble << shift);
  }
}

void store_bits(void* stored, size_t first, size_t n, const float* in) {
  auto* out = static_cast<uint8_t*>(stored);
  for (size_t i = 0; i < n; ++i) {
    const size_t at = first + i;
    const int one = 1 << (at % 8);
    out[at / 8] = static_cast<uint8_t>((out[at / 8] & ~one) | (in[i] >= 0 ? one : 0));
  }
}

}  // namespace

size_t bytes_of(Format format) { return bytes_for(format, 1); }

size_t row_stride(Format format, size_t units) {
  const size_t shared = format == Format::i4_momentum ? 2 : format == Format::bit ? 8 : 1;
  return (units + shared - 1) / shared * shared;
}

std::string_view name_of(Format format) {
  constexpr std::string_view kNames[] = {"f32", "f16", "q15", "i6", "i8", "i16",
                                         "i32", "i8",  "i8",  "i4", "bit"};
  return kNames[static_cast<size_t>(format)];
}

// The compiler's _Float16 converts as IEEE 754 asks (nearest even, subnormals kept), by one
// instruction where the machine has it and by its run-time library where not.
uint16_t half_bits(float x) { return std::bit_cast<uint16_t>(static_cast<_Float16>(x)); }
float half_value(uint16_t bits) { return static_cast<float>(std::bit_cast<_Float16>(bits)); }

void load(Format format, const void* stored, size_t first, size_t n, float* out) {
  switch (format) {
    case Format::f32:
      std::memcpy(out, static_cast<const float*>(stored) + first, n * sizeof(float));
      return;
    case Format::f16:
      return load_as<_Float16>(stored, first, n, 1, out);
    case Format::q15:
      return load_as<int16_t>(stored, first, n, kQ15.unit, out);
    case Format::i16:
      return load_as<int16_t>(stored, first, n, 1, out);
    case Format::i32:
      return load_as<int32_t>(stored, first, n, 1, out);
    case Format::i6:
    case Format::i8:
      return load_as<int8_t>(stored, first, n, 1, out);
    case Format::i8_weight:
      return load_as<int8_t>(stored, first, n, kWeight8.unit, out);
    case Format::i8_momentum:
      return load_as<int8_t>(stored, first, n, kMomentum8.unit, out);
    case Format::i4_momentum:
      for (size_t i = first; i < first + n; ++i) {
        const int nibble = static_cast<const uint8_t*>(stored)[i / 2] >> (i % 2 * 4) & 15;
        out[i - first] = static_cast<float>((nibble ^ 8) - 8) * kMomentum4.unit;
      }
      return;
    case Format::bit:
      for (size_t i = first; i < first + n; ++i)
        out[i - first] = static_cast<const uint8_t*>(stored)[i / 8] >> (i % 8) & 1 ? 1.0f : -1.0f;
      return;
  }
}

void store(Format format, void* stored, size_t first, size_t n, const float* in) {
  switch (format) {
    case Format::f32:
      std::memcpy(static_cast<float*>(stored) + first, in, n * sizeof(float));
      return;
    case Format::f16: {
      auto* out = static_cast<_Float16*>(stored) + first;
      for (size_t i = 0; i < n; ++i) out[i] = static_cast<_Float16>(in[i]);
      return;
    }
    case Format::q15:
      return store_as<int16_t>(stored, first, n, in, kQ15, Nearest{});
    case Format::i16:
      return store_as<int16_t>(stored, first, n, in, kShort, Nearest{});
    case Format::i32: {
      auto* out = static_cast<int32_t*>(stored) + first;
      for (size_t i = 0; i < n; ++i) out[i] = static_cast<int32_t>(in[i]);
      return;
    }
    case Format::i6:
    case Format::i8:
      return store_as<int8_t>(stored, first, n, in, kByte, Nearest{});
    case Format::i8_weight:
      return store_as<int8_t>(stored, first, n, in, kWeight8, Nearest{});
    case Format::i8_momentum:
      return store_as<int8_t>(stored, first, n, in, kMomentum8, Nearest{});
    case Format::i4_momentum:
      return store_nibbles(stored, first, n, in, Nearest{});
    case Format::bit:
      return store_bits(stored, first, n, in);
  }
}

void store(Format format, void* stored, size_t first, size_t n, const float* in, uint32_t counter) {
  switch (format) {
    case Format::i8_weight:
      return store_as<int8_t>(stored, first, n, in, kWeight8, Stochastic{counter});
    case Format::i8_momentum:
      return store_as<int8_t>(stored, first, n, in, kMomentum8, Stochastic{counter});
    case Format::i4_momentum:
      return store_nibbles(stored, first, n, in, Stochastic{counter});
    default:
      return store(format, stored, first, n, in);
  }
}

}  // namespace edgebnn
