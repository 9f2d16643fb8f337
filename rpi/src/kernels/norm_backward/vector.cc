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

[[gnu::always_inline]] inline Floats kept_x(const NormGradient& in, size_t at, size_t left) {
  if (in.kept == Format::f32) [[likely]]
    return load(static_cast<const float*>(in.xn) + at, left);
  return as<float>(load(static_cast<const _Float16*>(in.xn) + at, left));
}

// What sum_vx takes of v.
template <bool kBits>
[[gnu::always_inline]] inline Doubles along_x(const NormGradient& in, size_t m, size_t c,
                                              size_t left, Floats v) {
  const auto where = [&](Ints plus) { return bits_as<float>(bits_as<int32_t>(v) & plus); };
  if constexpr (kBits)
    return as<double>(where(mask_of(word_at(in.signs.bits + m * in.signs.stride, c))));
  const Floats xn = kept_x(in, m * in.xn_stride + c, left);
  if (in.sums_by_sign) return as<double>(where(xn >= 0));
  return as<double>(v) * as<double>(xn);
}

// m2·x, x by its sign alone if so asked. kBits: by its bit.
template <bool kBits>
[[gnu::always_inline]] inline Floats part_along_x(const NormGradient& in, size_t m, size_t c,
                                                  size_t left, Floats m2) {
  if (kBits || in.signs.bits != nullptr) return signed_by(in.signs, m, c, m2);
  const Floats xn = kept_x(in, m * in.xn_stride + c, left);
  if (!in.by_sign) return m2 * xn;
  return xn >= 0 ? m2 : -m2;
}

// Sixteen sums of float64 are eight of AArch64's registers: only two of three kinds stay in them.
// To load gradients of bytes again costs more than that.
#if defined(__aarch64__)
template <class T>
constexpr bool kInTwo = sizeof(T) > 1;
#else
template <class T>
constexpr bool kInTwo = false;
#endif

struct Sums {
  template <class T, bool kSame>
  void run(size_t rows, size_t n, const NormGradient& in) const {
    if (in.signs.bits != nullptr) return run_by<T, kSame, true>(rows, n, in);
    run_by<T, !kShared<T>, false>(rows, n, in);  // seldom: not made twice
  }

  template <class T, bool kSame, bool kBits>
  void run_by(size_t rows, size_t n, const NormGradient& in) const {
    constexpr bool kWhole = kShared<T> && kSame;  // of one exponent: sums of integers
    constexpr bool kAgain = kInTwo<T> && !kWhole;
    for (size_t c = 0; c < n; c += kAtOnce) {
      const size_t left = n - c;
      const LoadedGradients<T, kSame> gradients{in.g, c, left};
      const Floats r = load(in.r + c, left);
      Doubles all_g = load(sum_g + c, left), all_v = load(sum_v + c, left);
      Doubles all_vx = load(sum_vx + c, left);
      Ints whole{};
      for (size_t m = 0; m < rows; ++m) {
        const Vector<T> k = gradients.stored(m);
        const Floats g = gradients.value(m, k), v = g * r;
        if constexpr (kWhole) {
          whole += as<int32_t>(k);
        } else {
          all_g += as<double>(g);
        }
        all_v += as<double>(v);
        if constexpr (!kAgain) all_vx += along_x<kBits>(in, m, c, left, v);
      }
      for (size_t m = 0; m < rows && kAgain; ++m)
        all_vx += along_x<kBits>(in, m, c, left, gradients.value(m, gradients.stored(m)) * r);
      if constexpr (kWhole) all_g += as<double>(whole) * as<double>(gradients.unit);
      store(sum_g + c, all_g, left);
      store(sum_v + c, all_v, left);
      store(sum_vx + c, all_vx, left);
    }
  }
  double *sum_g, *sum_v, *sum_vx;
};

// Calls each(m, c, left, dY).
template <class T, bool kSame, bool kBits, class Begin, class Each, class End>
[[gnu::always_inline]] inline void output_gradients(size_t rows, size_t n,
                                                    const NormGradient& given,
                                                    const NormAverages& averages, Begin&& begin,
                                                    Each&& each, End&& end) {
  const NormGradient in = given;  // no store changes it
  for (size_t c = 0; c < n; c += kAtOnce) {
    const size_t left = n - c;
    const LoadedGradients<T, kSame> gradients{in.g, c, left};
    const Floats r = load(in.r + c, left), m1 = as<float>(load(averages.m1 + c, left));
    const Floats m2 = as<float>(load(averages.m2 + c, left));
    begin(c, left);
    for (size_t m = 0; m < rows; ++m) {
      const Floats g = gradients.value(m, gradients.stored(m));
      each(m, c, left, (g * r - m1) - part_along_x<kBits>(in, m, c, left, m2));
    }
    end(c, left);
  }
}

struct Largest {
  template <class T, bool kSame>
  void run(size_t rows, size_t n, const NormGradient& in) const {
    Ints most;
    output_gradients<T, kSame, false>(
        rows, n, in, averages, [&](size_t c, size_t left) { most = load(top + c, left); },
        [&](size_t, size_t, size_t, Floats dy) {
          most = largest(most, bits_as<int32_t>(magnitude(dy)));
        },
        [&](size_t c, size_t left) { store(top + c, most, left); });
  }

  // Of one exponent and of signs: dY never falls as k grows where x is +1, nor where it is -1,
  // since each rounding keeps order, and r >= 0. So only the largest and the smallest k of either
  // are made dY.
  template <class T>
  void by_extremes(size_t rows, size_t n, const NormGradient& in) const {
    constexpr T kMost = std::numeric_limits<T>::max(), kLeast = std::numeric_limits<T>::min();
    for (size_t c = 0; c < n; c += kAtOnce) {
      const size_t left = n - c;
      const LoadedGradients<T, true> gradients{in.g, c, left};
      Vector<T> high[2], low[2];  // where x is -1, +1
      for (auto& all : high) all = Vector<T>{} + kLeast;
      for (auto& all : low) all = Vector<T>{} + kMost;
      for (size_t m = 0; m < rows; ++m) {
        const Vector<T> k = gradients.stored(m);
        const Vector<T> plus = narrow_mask_of<T>(word_at(in.signs.bits + m * in.signs.stride, c));
        high[1] = largest(high[1], plus ? k : Vector<T>{} + kLeast);
        high[0] = largest(high[0], plus ? Vector<T>{} + kLeast : k);
        low[1] = smallest(low[1], plus ? k : Vector<T>{} + kMost);
        low[0] = smallest(low[0], plus ? Vector<T>{} + kMost : k);
      }
      const Floats r = load(in.r + c, left), m1 = as<float>(load(averages.m1 + c, left));
      const Floats m2 = as<float>(load(averages.m2 + c, left));
      Ints most = load(top + c, left);
      for (size_t x = 0; x < 2; ++x) {
        const Ints there = as<int32_t>(high[x]) >= as<int32_t>(low[x]);
        const auto take = [&](Vector<T> k) {
          const Floats dy = (gradients.value(0, k) * r - m1) - (x == 1 ? m2 : -m2);
          most = largest(most, bits_as<int32_t>(magnitude(dy)) & there);
        };
        take(high[x]);
        take(low[x]);
      }
      store(top + c, most, left);
    }
  }

  const NormAverages& averages;
  int32_t* top;
};

struct Store {
  template <class T, bool kSame>
  void run(size_t rows, size_t n, const NormGradient& in) const {
    if (in.signs.bits != nullptr) return run_by<T, kSame, true>(rows, n, in);
    run_by<T, !kShared<T>, false>(rows, n, in);  // seldom, as of the sums
  }

  template <class T, bool kSame, bool kBits>
  void run_by(size_t rows, size_t n, const NormGradient& in) const {
    Floats inverse;
    output_gradients<T, kSame, kBits>(
        rows, n, in, averages,
        [&](size_t c, size_t left) {
          if constexpr (kShared<T>) inverse = load(out.inverse + c, left);
        },
        [&](size_t m, size_t c, size_t left, Floats dy) {
          if constexpr (kShared<T>) dy *= inverse;
          store(static_cast<T*>(out.k) + m * out.stride + c, narrowed<T>(dy), left);
        },
        [](size_t, size_t) {});
  }
  const NormAverages& averages;
  OutputGradientRows out;
};

template <class T, class Pass>
inline void by_rows(size_t rows, size_t n, const NormGradient& in, const Pass& pass) {
  if (kShared<T> && in.g.e_stride != 0) return pass.template run<T, !kShared<T>>(rows, n, in);
  pass.template run<T, true>(rows, n, in);
}

template <class Pass>
inline void by_format(size_t rows, size_t n, const NormGradient& in, const Pass& pass) {
  switch (in.g.format) {
    case Format::i16:
      return by_rows<int16_t>(rows, n, in, pass);
    case Format::i8:
    case Format::i6:
      return by_rows<int8_t>(rows, n, in, pass);
    case Format::f16:
      return by_rows<_Float16>(rows, n, in, pass);
    default:
      return by_rows<float>(rows, n, in, pass);
  }
}

}  // namespace

void EDGEBNN_NAME(norm_backward_sums)(size_t rows, size_t n, const NormGradient& in, double* sum_g,
                                      double* sum_v, double* sum_vx) {
  by_format(rows, n, in, Sums{sum_g, sum_v, sum_vx});
}

void EDGEBNN_NAME(norm_backward_largest)(size_t rows, size_t n, const NormGradient& in,
                                         const NormAverages& averages, int32_t* top) {
  const Largest pass{averages, top};
  const bool shorts = in.g.format == Format::i16;
  if (in.signs.bits != nullptr && in.g.e_stride == 0) {
    shorts ? pass.by_extremes<int16_t>(rows, n, in) : pass.by_extremes<int8_t>(rows, n, in);
  } else {
    shorts ? pass.run<int16_t, false>(rows, n, in) : pass.run<int8_t, false>(rows, n, in);
  }
}

void EDGEBNN_NAME(norm_backward_store)(size_t rows, size_t n, const NormGradient& in,
                                       const NormAverages& averages,
                                       const OutputGradientRows& out) {
  by_format(rows, n, in, Store{averages, out});
}

}  // namespace edgebnn
