#include <bit>

#include "kernels/binary_binary/binary_binary.h"

namespace edgebnn {

void binary_binary_scalar(size_t rows, size_t units, size_t words, int32_t bits, const uint64_t* x,
                          const uint64_t* w, int32_t* y) {
  for (size_t m = 0; m < rows; ++m) {
    for (size_t n = 0; n < units; ++n) {
      const uint64_t* unit = w + n / kUnitsTogether * words * kUnitsTogether + n % kUnitsTogether;
      int32_t differ = 0;
      for (size_t k = 0; k < words; ++k)
        differ += std::popcount(x[m * words + k] ^ unit[k * kUnitsTogether]);
      y[m * units + n] = bits - 2 * differ;
    }
  }
}

}  // namespace edgebnn
