// The fixed points of stored numbers: k·unit with k = round(x·scale) in [low, high].
#pragma once

namespace edgebnn {

struct Grid {
  float scale, unit, low, high;
};
constexpr Grid kQ15{0x1p15f, 0x1p-15f, -32768, 32767}, kWeight8{512, 1.0f / 512, -128, 127},
    kMomentum8{127, 1.0f / 127, -127, 127}, kMomentum4{7, 1.0f / 7, -7, 7},
    kShort{1, 1, -32768, 32767}, kByte{1, 1, -128, 127};

}  // namespace edgebnn
