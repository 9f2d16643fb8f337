#include "kernels/integer_real/in_order.h"
#include "kernels/integer_real/integer_real.h"

namespace edgebnn {

void integer_real_scalar(size_t rows, size_t inputs, size_t units, const int16_t* c, const float* g,
                         double* a) {
  integer_real_in_order(rows, inputs, units, c, g, a);
}

}  // namespace edgebnn
