#include "kernels/vector.h"

#include "kernels/shared_exponents/shared_exponents.h"

namespace edgebnn {

int32_t EDGEBNN_NAME(highest_magnitude)(size_t n, const int32_t* top) {
  Ints most{};
  for (size_t c = 0; c < n; c += kAtOnce) most = largest(most, load(top + c, n - c));
  int32_t highest = 0;
  for (size_t i = 0; i < kAtOnce; ++i) highest = most[i] > highest ? most[i] : highest;
  return highest;
}

// As shared_exponent in gradient_map.cc.
void EDGEBNN_NAME(shared_exponents)(size_t n, const int32_t* top, int most, int8_t* e) {
  const int width = 32 - __builtin_clz(static_cast<unsigned>(most));
  const int limit = most << (24 - width) & 0x7FFFFF;
  for (size_t c = 0; c < n; c += kAtOnce) {
    const Ints bits = load(top + c, n - c);
    Ints own = (bits >> 23) - 126 - width - ((bits & 0x7FFFFF) > limit);
    own = largest(own, Ints{} - 126);
    own = own > 126 ? Ints{} + 126 : own;
    store(e + c, as<int8_t>(own), n - c);
  }
}

}  // namespace edgebnn
