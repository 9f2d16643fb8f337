#include "kernels/reorder/reorder.h"

namespace edgebnn {
namespace {

// Several rows, so that an index is read once for them.
template <size_t R>
void reorder(const int8_t* k, size_t stride, size_t terms, const uint32_t* order, int8_t* out) {
  const int8_t* from[R];
  int8_t* to[R];
  for (size_t r = 0; r < R; ++r) {
    from[r] = k + r * stride;
    to[r] = out + r * terms;
  }
#pragma GCC unroll 1
  for (size_t j = 0; j < terms; ++j) {
    const size_t at = order[j];
    int8_t value[R] = {};  // all are loaded before any is stored
    for (size_t r = 0; r < R && at != kNothing; ++r) value[r] = from[r][at];
    for (size_t r = 0; r < R; ++r) to[r][j] = value[r];
  }
}

}  // namespace

void reorder_scalar(size_t rows, size_t, const int8_t* k, size_t stride, size_t terms,
                    const uint32_t* order, int8_t* out) {
  size_t m = 0;
  for (; m + 8 <= rows; m += 8) reorder<8>(k + m * stride, stride, terms, order, out + m * terms);
  for (; m < rows; ++m) reorder<1>(k + m * stride, stride, terms, order, out + m * terms);
}

}  // namespace edgebnn
