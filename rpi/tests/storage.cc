// Number formats: float16 at every rounding boundary, Q1.15, plain integers.
#include "storage.h"

#include <bit>
#include <cmath>
#include <limits>

#include "check.h"

namespace edgebnn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// By the definition, in double: 1 sign, 5 exponent, 10 significand bits.
double value_of(unsigned half) {
  const int exponent = static_cast<int>(half >> 10 & 31);
  const double significand = half & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(significand, -24) : std::ldexp(significand + 1024, exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

TEST("f16: every finite value is read as defined and stored as itself") {
  size_t wrong = 0;
  for (unsigned half = 0; half < 0x10000; ++half) {
    if ((half & 0x7C00) == 0x7C00) continue;
    const float value = half_value(static_cast<uint16_t>(half));
    wrong += static_cast<double>(value) != value_of(half) || half_bits(value) != half;
  }
  EQUAL(wrong, size_t{0});
}

TEST("f16: between neighbours, nearest; halfway, even") {
  size_t wrong = 0;
  for (unsigned half = 0; half < 0x7BFF; ++half) {
    // Neighbours and their middle have at most 12 significant bits: exact in float32.
    const auto middle = static_cast<float>((value_of(half) + value_of(half + 1)) / 2);
    wrong += half_bits(middle) != half + half % 2;
    wrong += half_bits(std::nextafter(middle, 0.0f)) != half;
    wrong += half_bits(std::nextafter(middle, kInfinity)) != half + 1;
    wrong += half_bits(-middle) != (half + half % 2) + 0x8000;
  }
  EQUAL(wrong, size_t{0});
}

TEST("f16: ends of the range") {
  EQUAL(half_bits(65504.0f), 0x7BFF);
  EQUAL(half_bits(std::nextafter(65520.0f, 0.0f)), 0x7BFF);
  EQUAL(half_bits(65520.0f), 0x7C00);
  EQUAL(half_bits(-1e30f), 0xFC00);
  EQUAL(half_bits(kInfinity), 0x7C00);
  EQUAL(half_value(0xFC00), -kInfinity);
  EQUAL(half_bits(0x1p-24f), 1);
  EQUAL(half_bits(0x1p-25f), 0);
  EQUAL(half_bits(std::numeric_limits<float>::denorm_min()), 0);
  EQUAL(half_bits(-0.0f), 0x8000);
  EQUAL(std::signbit(half_value(0x8000)), true);
  EQUAL(std::isnan(half_value(half_bits(std::nanf("")))), true);
}

int16_t stored_q15(float x) {
  int16_t bits = 0;
  store(Format::q15, &bits, 0, 1, &x);
  return bits;
}

TEST("q15: nearest even, saturating") {
  EQUAL(stored_q15(0.0f), 0);
  EQUAL(stored_q15(0x1p-15f), 1);
  EQUAL(stored_q15(0.5f * 0x1p-15f), 0);
  EQUAL(stored_q15(1.5f * 0x1p-15f), 2);
  EQUAL(stored_q15(-1.5f * 0x1p-15f), -2);
  EQUAL(stored_q15(-2.5f * 0x1p-15f), -2);
  EQUAL(stored_q15(1.0f), 32767);
  EQUAL(stored_q15(-1.0f), -32768);
  EQUAL(stored_q15(7.0f), 32767);
  EQUAL(stored_q15(-7.0f), -32768);
}

TEST("q15: every value is stored as itself") {
  size_t wrong = 0;
  for (int k = -32768; k <= 32767; ++k) {
    const auto bits = static_cast<int16_t>(k);
    float value = 0;
    load(Format::q15, &bits, 0, 1, &value);
    wrong += value != static_cast<float>(k) / 32768 || stored_q15(value) != bits;
  }
  EQUAL(wrong, size_t{0});
}

TEST("every format keeps what it can hold, from any first element on") {
  for (const Format format : {Format::f32, Format::f16, Format::q15, Format::i16, Format::i32}) {
    // Integers hold whole numbers, q15 what lies below 1.
    const float scale = format == Format::q15 ? 0.125f : 1.0f;
    constexpr size_t kMost = 40;
    for (size_t n = 0; n <= 33; ++n) {
      alignas(64) uint8_t memory[kMost * 4] = {};
      float in[kMost], out[kMost] = {};
      for (size_t i = 0; i < n; ++i) in[i] = scale * (static_cast<float>(i % 13) - 6);
      store(format, memory, 3, n, in);
      load(format, memory, 3, n, out);
      size_t wrong = 0;
      for (size_t i = 0; i < n; ++i) wrong += out[i] != in[i];
      for (size_t i = (3 + n) * bytes_of(format); i < sizeof memory; ++i) wrong += memory[i] != 0;
      EQUAL(wrong, size_t{0});
    }
  }
}

TEST("q15: between neighbours, nearest; halfway, even") {
  size_t wrong = 0;
  for (int k = -32768; k < 32767; ++k) {
    const auto at = [&](float part) {
      return stored_q15((static_cast<float>(k) + part) * 0x1p-15f);
    };
    wrong += at(0.25f) != k || at(0.75f) != k + 1 || at(0.5f) != k + (k % 2 != 0);
  }
  EQUAL(wrong, size_t{0});
}

TEST("integers: what is no number is stored as 0") {
  for (const Format format :
       {Format::q15, Format::i16, Format::i8, Format::i6, Format::i8_weight, Format::i8_momentum}) {
    const float none = std::nanf("");
    uint16_t stored = 0xFFFF;
    store(format, &stored, 0, 1, &none, 7);
    EQUAL(stored, bytes_of(format) == 2 ? 0 : 0xFF00);
  }
  uint8_t nibbles = 0xFF;
  const float none = std::nanf("");
  store(Format::i4_momentum, &nibbles, 1, 1, &none, 7);
  EQUAL(nibbles, 0x0F);
}

}  // namespace
}  // namespace edgebnn
