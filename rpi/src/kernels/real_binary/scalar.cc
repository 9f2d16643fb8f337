#include "kernels/real_binary/in_order.h"
#include "kernels/real_binary/real_binary.h"

namespace edgebnn {

void real_binary_scalar(size_t rows, size_t terms, size_t lanes, const float* g, const uint32_t* b,
                        const SumRows<double>& s) {
  real_binary_in_order(rows, terms, lanes, g, b, s);
}

}  // namespace edgebnn
