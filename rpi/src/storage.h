// The number formats that weights, momenta, gradients and maps are stored in (docs/numerics.md,
// "Storage"). Arithmetic is float32; an element is rounded when it is stored, to nearest even.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace edgebnn {

enum class Format { f32, f16, q15, i16, i32 };

size_t bytes_of(Format format);
std::string_view name_of(Format format);

// float16 bits of x, subnormals kept, overflow to infinity.
uint16_t half_bits(float x);
float half_value(uint16_t bits);

// Loads n elements of a stored array, from element `first` on, as float32. i16 and i32 are plain
// integers, exact in float32 up to 2^24.
void load(Format format, const void* stored, size_t first, size_t n, float* out);

// Rounds and stores n elements. q15 saturates.
void store(Format format, void* stored, size_t first, size_t n, const float* in);

}  // namespace edgebnn
