// The gradients of one block's map, dX' or dY, in the arena's map: stored narrowly, with the
// exponents they share (docs/numerics.md, "Storage").
//
// i16, i8 and i6 hold k·2^e, one e a tensor or one a channel, so the largest magnitude has to be
// known before the first element is stored: a tensor is computed twice, once to be noted and once
// to be stored. Only then does it become what is loaded, so the one before may be read meanwhile.
#pragma once

#include "plan.h"
#include "threads.h"

namespace edgebnn {

class GradientMap {
 public:
  GradientMap(const Plan& plan, Format format, Arena& arena)
      : plan_(plan), format_(format), arena_(arena) {}

  Format format() const { return format_; }
  // Whether elements share exponents: then note() every element and settle() before store().
  bool shared() const {
    return format_ == Format::i16 || format_ == Format::i8 || format_ == Format::i6;
  }
  uint8_t* sample(size_t b) const { return arena_.at(plan_.map) + b * plan_.sample_bytes; }

  // Channels [c.begin, c.end) of a position of a sample whose positions have `units` channels.
  void load(size_t sample, size_t position, size_t units, Range c, float* out) const;
  void store(size_t sample, size_t position, size_t units, Range c, const float* in);

  // One tensor: begin, note (each thread under its part's number), settle; after the last store,
  // turn. Without shared exponents these do nothing.
  void begin();
  void note(size_t part, Range c, const float* x);
  void settle();
  void turn();

 private:
  float* scales(size_t which) const {
    return arena_.at<float>(plan_.scales) + which * plan_.widest;
  }

  const Plan& plan_;
  Format format_;
  Arena& arena_;
};

// The largest k of a format's shared exponent, 2^b - 1.
int largest_of(Format format);
// 2^e with the smallest e for which top <= largest·2^e; e is in [-126, 126].
float shared_scale(float top, int largest);

}  // namespace edgebnn
