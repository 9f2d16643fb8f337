#include "kernels/reorder/reorder.h"

namespace edgebnn {
namespace {

// Several rows, so that an index is read once for them.
template <size_t R>
void reorder(const int8_t* k, size_t stride, size_t terms, const uint32_t* order, int8_t* out) {
  for (size_t j = 0; j < terms; ++j) {
    const size_t from = order[j];
    for (size_t r = 0; r < R; ++r)
      out[r * terms + j] = from == kNothing ? int8_t{0} : k[r * stride + from];
  }
}

}  // namespace

void reorder_scalar(size_t rows, size_t, const int8_t* k, size_t stride, size_t terms,
                    const uint32_t* order, int8_t* out) {
  size_t m = 0;
  for (; m + 4 <= rows; m += 4) reorder<4>(k + m * stride, stride, terms, order, out + m * terms);
  for (; m < rows; ++m) reorder<1>(k + m * stride, stride, terms, order, out + m * terms);
}

}  // namespace edgebnn
