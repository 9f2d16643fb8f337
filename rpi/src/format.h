// The number formats that arrays are stored in (storage.h).
#pragma once

namespace edgebnn {

// i6, i8, i16, i32 are plain integers; i6 and i8 take a byte each. The exponents that gradients
// share are kept beside them (gradient_map.h).
enum class Format { f32, f16, q15, i6, i8, i16, i32, i8_weight, i8_momentum, i4_momentum, bit };

}  // namespace edgebnn
