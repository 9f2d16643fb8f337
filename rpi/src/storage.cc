#include "storage.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace edgebnn {

size_t bytes_of(Format format) { return format == Format::f32 || format == Format::i32 ? 4 : 2; }

std::string_view name_of(Format format) {
  switch (format) {
    case Format::f32:
      return "f32";
    case Format::f16:
      return "f16";
    case Format::q15:
      return "q15";
    case Format::i16:
      return "i16";
    case Format::i32:
      return "i32";
  }
  return "?";
}

// In integers and ordinary float32 arithmetic, so that no machine's half-precision modes (flushed
// subnormals, alternative formats) have a say. Selections, no branches: loops over these vectorise.
uint16_t half_bits(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7FFFFFFF;
  // Normal: the exponent's bias goes from 127 to 15; 13 bits of the significand are rounded away,
  // nearest even, where a carry moves the exponent up, at last to infinity.
  const uint32_t normal = (magnitude - (112u << 23) + 0xFFF + (magnitude >> 13 & 1)) >> 13;
  // Below 2^-14: added to 0.5, whose last bit is worth 2^-24, the adder rounds.
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - (126u << 23);
  const uint32_t special = magnitude > 0x7F800000 ? 0x7E00 : 0x7C00;  // NaN, infinity
  const uint32_t finite = magnitude < (113u << 23) ? subnormal : normal;
  return static_cast<uint16_t>(sign | (magnitude >= (143u << 23) ? special : finite));
}

float half_value(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16, magnitude = half & 0x7FFF;
  const uint32_t normal = (magnitude << 13) + (112u << 23);
  const auto subnormal = std::bit_cast<uint32_t>(static_cast<float>(magnitude) * 0x1p-24f);
  const uint32_t special = (magnitude << 13) | 0x7F800000;
  const uint32_t finite = magnitude < 0x400 ? subnormal : normal;
  return std::bit_cast<float>(sign | (magnitude >= 0x7C00 ? special : finite));
}

void load(Format format, const void* stored, size_t first, size_t n, float* out) {
  switch (format) {
    case Format::f32:
      std::memcpy(out, static_cast<const float*>(stored) + first, n * sizeof(float));
      return;
    case Format::f16: {
      const auto* in = static_cast<const uint16_t*>(stored) + first;
      for (size_t i = 0; i < n; ++i) out[i] = half_value(in[i]);
      return;
    }
    case Format::q15: {
      const auto* in = static_cast<const int16_t*>(stored) + first;
      for (size_t i = 0; i < n; ++i) out[i] = static_cast<float>(in[i]) * 0x1p-15f;
      return;
    }
    case Format::i16: {
      const auto* in = static_cast<const int16_t*>(stored) + first;
      for (size_t i = 0; i < n; ++i) out[i] = static_cast<float>(in[i]);
      return;
    }
    case Format::i32: {
      const auto* in = static_cast<const int32_t*>(stored) + first;
      for (size_t i = 0; i < n; ++i) out[i] = static_cast<float>(in[i]);
      return;
    }
  }
}

void store(Format format, void* stored, size_t first, size_t n, const float* in) {
  switch (format) {
    case Format::f32:
      std::memcpy(static_cast<float*>(stored) + first, in, n * sizeof(float));
      return;
    case Format::f16: {
      auto* out = static_cast<uint16_t*>(stored) + first;
      for (size_t i = 0; i < n; ++i) out[i] = half_bits(in[i]);
      return;
    }
    case Format::q15: {
      auto* out = static_cast<int16_t*>(stored) + first;
      for (size_t i = 0; i < n; ++i) {
        const float scaled = std::nearbyint(in[i] * 0x1p15f);
        out[i] = static_cast<int16_t>(std::clamp(scaled, -32768.0f, 32767.0f));
      }
      return;
    }
    case Format::i16: {
      auto* out = static_cast<int16_t*>(stored) + first;
      for (size_t i = 0; i < n; ++i) out[i] = static_cast<int16_t>(in[i]);
      return;
    }
    case Format::i32: {
      auto* out = static_cast<int32_t*>(stored) + first;
      for (size_t i = 0; i < n; ++i) out[i] = static_cast<int32_t>(in[i]);
      return;
    }
  }
}

}  // namespace edgebnn
