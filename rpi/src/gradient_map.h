// The gradients of one block's map, dX' or dY, in the arena's map: stored narrowly, with the
// exponents they share (docs/numerics.md, "Storage").
//
// i16, i8 and i6 hold k·2^e, so the largest magnitude has to be known before the first element is
// stored. dX' is made sample by sample, and its exponents are a sample's; dY, whose sums run over
// samples, has the exponents of all of them. So dX' overwrites dY while that is still being read.
#pragma once

#include <bit>
#include <utility>

#include "kernels/registry.h"
#include "plan.h"
#include "threads.h"

namespace edgebnn {

// The channels of dY as terms of dX's sums, where they stay bytes (byte_binary.h): by exponent,
// each filled up with kNothing to groups that share one; those whose gradients are all 0 nowhere.
struct ChannelOrder {
  size_t terms = 0;
  const uint32_t* channels = nullptr;  // [terms]
  const uint8_t* shifts = nullptr;     // [terms / kTermsTogether]: 2^shift times the aligned unit
};

class GradientMap {
 public:
  GradientMap(const Plan& plan, Format format, const Kernels& kernels, Arena& arena)
      : plan_(plan), format_(format), kernels_(kernels), arena_(arena) {}

  Format format() const { return format_; }
  // Whether elements share exponents: then all of a tensor (or sample) is tracked, and the
  // exponents fixed, before an element is stored.
  bool shared() const { return shares_exponents(format_); }
  // Whether the products take bytes; otherwise what shares exponents is widened to shorts.
  bool in_bytes() const { return format_ == Format::i6; }
  uint8_t* sample(size_t b) const { return arena_.at(plan_.map) + b * plan_.sample_bytes; }

  // Below: channels [c.begin, c.end) of a position of a sample whose positions have `units`
  // channels.

  // dX' of a sample, by one thread.
  void begin_sample(size_t part);
  void track_largest(size_t part, Range c, const float* x);
  void fix_exponents_of_sample(size_t part, size_t b);
  void store_sample(size_t b, size_t position, size_t units, Range c, const float* in);
  // Its positions first, first + apart, ..., to be stored.
  GradientRowsOut rows_to(size_t b, size_t first, size_t apart, size_t units) const {
    return {format_, sample(b) + first * units * bytes_of(format_), apart * units, exponents(b), 0};
  }
  // The largest magnitudes that a thread has seen, as the bits of floats: those of positive ones
  // are ordered as integers, and integers have a maximum that vectors take.
  int32_t* largest(size_t part) const {
    return arena_.at<int32_t>(plan_.largest) + part * plan_.widest;
  }

  // dY, by all threads: begin, track the largest, fix the exponents once, store (rows).
  void begin();
  void fix_exponents();

  // Rows of either, from row b·positions + position on, and how many lie evenly behind it: a
  // sample's, or where a sample has one, all.
  std::pair<GradientRowsOut, size_t> rows(size_t row, const Shape& shape, Range c) const;

  // dY as integers is k, for sums over positions; for sums over channels it is aligned to one
  // exponent. Shorts: k times these, [units], or null for 1. Bytes: in this order.
  const float* to_aligned() const { return format_ == Format::i8 ? scales(kToAligned) : nullptr; }
  ChannelOrder order() const {
    return {terms_, arena_.at<uint32_t>(plan_.order), arena_.at<uint8_t>(plan_.shifts)};
  }
  // What an element of such a sum is worth: 2^e of a channel, and of the aligned ones.
  float unit(size_t channel) const { return scales(kUnit)[channel]; }
  // 2^-e of channels, or null where exponents are not shared.
  const float* inverse_units(Range c) const {
    return shared() ? scales(kInverse) + c.begin : nullptr;
  }
  float aligned_unit() const { return *scales(kAlignedUnit); }

 private:
  enum { kUnit, kInverse, kToAligned, kAlignedUnit };  // rows of the scales

  void order_channels(const int32_t* largest);
  float* scales(size_t row) const { return arena_.at<float>(plan_.scales) + row * plan_.widest; }
  int8_t* exponents(size_t b) const {
    if (!shared()) return nullptr;
    return arena_.at<int8_t>(plan_.sample_exponents) + b * plan_.exponents_per_sample;
  }

  const Plan& plan_;
  Format format_;
  const Kernels& kernels_;
  Arena& arena_;
  size_t terms_ = 0;
};

// The largest k of a format's shared exponent, 2^b - 1.
int largest_of(Format format);
// The smallest e for which top <= largest·2^e, in [-126, 126]; `top` as the bits of a float.
int shared_exponent(int32_t top, int largest);
inline float power_of_two(int e) { return std::bit_cast<float>((e + 127) << 23); }

}  // namespace edgebnn
