#include "kernels/vector.h"

#include "kernels/norm_backward/norm_backward.h"
#include "kernels/vector_gradients.h"

namespace edgebnn {
namespace {

// v where x^ is +1, -v where it is -1.
[[gnu::always_inline]] inline Floats signed_by(const BitRows& signs, size_t m, size_t c, Floats v) {
  const Ints mask = mask_of(word_at(signs.bits + m * signs.stride, c));
  return bits_as<float>(bits_as<int32_t>(v) ^ (~mask & INT32_MIN));
}

// v·x, in float64.
template <bool bits>
[[gnu::always_inline]] inline Doubles product(const NormGradient& in, size_t m, size_t c,
                                              size_t left, Floats v) {
  if constexpr (bits) return as<double>(signed_by(in.signs, m, c, v));
  return as<double>(v) * as<double>(load(in.xn + m * in.xn_stride + c, left));
}

// m2·x, x by its sign alone if so asked.
template <bool bits>
[[gnu::always_inline]] inline Floats along_x(const NormGradient& in, size_t m, size_t c,
                                             size_t left, Floats m2) {
  if constexpr (bits) return signed_by(in.signs, m, c, m2);
  const Floats xn = load(in.xn + m * in.xn_stride + c, left);
  if (!in.by_sign) return m2 * xn;
  return xn >= 0 ? m2 : -m2;
}

struct Sums {
  template <class T, bool bits>
  void run(size_t rows, size_t n, const NormGradient& in) const {
    for (size_t c = 0; c < n; c += kAtOnce) {
      const size_t left = n - c;
      const Floats r = load(in.r + c, left);
      Doubles all_g = load(sum_g + c, left), all_v = load(sum_v + c, left);
      Doubles all_vx = load(sum_vx + c, left);
      for (size_t m = 0; m < rows; ++m) {
        const Floats g = load_gradient<T>(in.g, m, c, left), v = g * r;
        all_g += as<double>(g);
        all_v += as<double>(v);
        all_vx += product<bits>(in, m, c, left, v);
      }
      store(sum_g + c, all_g, left);
      store(sum_v + c, all_v, left);
      store(sum_vx + c, all_vx, left);
    }
  }
  double *sum_g, *sum_v, *sum_vx;
};

// Calls each(m, c, left, dY).
template <class T, bool bits, class Begin, class Each, class End>
[[gnu::always_inline]] inline void output_gradients(size_t rows, size_t n, const NormGradient& in,
                                                    const NormAverages& averages, Begin&& begin,
                                                    Each&& each, End&& end) {
  for (size_t c = 0; c < n; c += kAtOnce) {
    const size_t left = n - c;
    const Floats r = load(in.r + c, left), m1 = as<float>(load(averages.m1 + c, left));
    const Floats m2 = as<float>(load(averages.m2 + c, left));
    begin(c, left);
    for (size_t m = 0; m < rows; ++m) {
      const Floats g = load_gradient<T>(in.g, m, c, left);
      each(m, c, left, (g * r - m1) - along_x<bits>(in, m, c, left, m2));
    }
    end(c, left);
  }
}

struct Largest {
  template <class T, bool bits>
  void run(size_t rows, size_t n, const NormGradient& in) const {
    Ints most;
    output_gradients<T, bits>(
        rows, n, in, averages, [&](size_t c, size_t left) { most = load(top + c, left); },
        [&](size_t, size_t, size_t, Floats dy) {
          most = largest(most, bits_as<int32_t>(magnitude(dy)));
        },
        [&](size_t c, size_t left) { store(top + c, most, left); });
  }
  const NormAverages& averages;
  int32_t* top;
};

struct Store {
  template <class T, bool bits>
  void run(size_t rows, size_t n, const NormGradient& in) const {
    Floats inverse;
    output_gradients<T, bits>(
        rows, n, in, averages,
        [&](size_t c, size_t left) {
          if constexpr (kShared<T>) inverse = load(out.inverse + c, left);
        },
        [&](size_t m, size_t c, size_t left, Floats dy) {
          if constexpr (kShared<T>) dy *= inverse;
          store_scaled(static_cast<T*>(out.k) + m * out.stride + c, left, dy);
        },
        [](size_t, size_t) {});
  }
  const NormAverages& averages;
  const OutputGradientRows& out;
};

// Under bnn, whatever the format; under l1 and l2 gradients are whatever they are, too.
template <class T, class Pass>
inline void by_x(size_t rows, size_t n, const NormGradient& in, const Pass& pass) {
  in.signs.bits != nullptr ? pass.template run<T, true>(rows, n, in)
                           : pass.template run<T, false>(rows, n, in);
}

template <class Pass>
inline void by_format(size_t rows, size_t n, const NormGradient& in, const Pass& pass) {
  switch (in.g.format) {
    case Format::i16:
      return by_x<int16_t>(rows, n, in, pass);
    case Format::i8:
    case Format::i6:
      return by_x<int8_t>(rows, n, in, pass);
    case Format::f16:
      return by_x<_Float16>(rows, n, in, pass);
    default:
      return by_x<float>(rows, n, in, pass);
  }
}

}  // namespace

void EDGEBNN_NAME(norm_backward_sums)(size_t rows, size_t n, const NormGradient& in, double* sum_g,
                                      double* sum_v, double* sum_vx) {
  by_format(rows, n, in, Sums{sum_g, sum_v, sum_vx});
}

void EDGEBNN_NAME(norm_backward_largest)(size_t rows, size_t n, const NormGradient& in,
                                         const NormAverages& averages, int32_t* top) {
  by_format(rows, n, in, Largest{averages, top});
}

void EDGEBNN_NAME(norm_backward_store)(size_t rows, size_t n, const NormGradient& in,
                                       const NormAverages& averages,
                                       const OutputGradientRows& out) {
  by_format(rows, n, in, Store{averages, out});
}

}  // namespace edgebnn
