#include "kernels/vector.h"

#include "kernels/straight_through/straight_through.h"
#include "kernels/vector_gradients.h"

namespace edgebnn {
namespace {

template <class S>
inline Floats gradient(const InputGradientSums& sums, size_t m, size_t c, size_t left) {
  const S* row = static_cast<const S*>(sums.s) + m * sums.stride;
  const Floats x = as<float>(load(row + c, left)) * sums.unit;
  return kept_of(sums.kept, m, c, x);
}

template <class S, class T>
inline void store_rows(size_t rows, size_t n, const InputGradientSums& sums,
                       const GradientRowsOut& out) {
  for (size_t c = 0; c < n; c += kAtOnce) {
    const size_t left = n - c;
    const Floats inverse = kShared<T> ? unit_of<T>(out, 0, c, left, -1) : Floats{};
    for (size_t m = 0; m < rows; ++m) {
      Floats x = gradient<S>(sums, m, c, left);
      if constexpr (kShared<T>) x *= inverse;
      store(static_cast<T*>(out.k) + m * out.stride + c, narrowed<T>(x), left);
    }
  }
}

}  // namespace

void EDGEBNN_NAME(straight_through_largest)(size_t rows, size_t n, const InputGradientSums& sums,
                                            int32_t* top) {
  // Of a larger sum the rounded one, and its multiple, is no smaller.
  for (size_t c = 0; c < n; c += kAtOnce) {
    const size_t left = n - c;
    Ints most{};
    for (size_t m = 0; m < rows; ++m) {
      const Ints s = load(static_cast<const int32_t*>(sums.s) + m * sums.stride + c, left);
      most = largest(most, kept_of(sums.kept, m, c, s < 0 ? -s : s));
    }
    const Ints x = bits_as<int32_t>(as<float>(most) * sums.unit);
    store(top + c, largest(load(top + c, left), x), left);
  }
}

void EDGEBNN_NAME(straight_through_store)(size_t rows, size_t n, const InputGradientSums& sums,
                                          const GradientRowsOut& out) {
  switch (out.format) {
    case Format::i16:
      return store_rows<int32_t, int16_t>(rows, n, sums, out);
    case Format::i8:
    case Format::i6:
      return store_rows<int32_t, int8_t>(rows, n, sums, out);
    case Format::f16:
      return store_rows<double, _Float16>(rows, n, sums, out);
    default:
      return store_rows<double, float>(rows, n, sums, out);
  }
}

}  // namespace edgebnn
