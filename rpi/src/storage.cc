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

// The compiler's _Float16 converts as IEEE 754 asks (nearest even, subnormals kept), by one
// instruction where the machine has it and by its run-time library where not.
uint16_t half_bits(float x) { return std::bit_cast<uint16_t>(static_cast<_Float16>(x)); }
float half_value(uint16_t bits) { return static_cast<float>(std::bit_cast<_Float16>(bits)); }

void load(Format format, const void* stored, size_t first, size_t n, float* out) {
  switch (format) {
    case Format::f32:
      std::memcpy(out, static_cast<const float*>(stored) + first, n * sizeof(float));
      return;
    case Format::f16: {
      const auto* in = static_cast<const _Float16*>(stored) + first;
      for (size_t i = 0; i < n; ++i) out[i] = static_cast<float>(in[i]);
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
      auto* out = static_cast<_Float16*>(stored) + first;
      for (size_t i = 0; i < n; ++i) out[i] = static_cast<_Float16>(in[i]);
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
