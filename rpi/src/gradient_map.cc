#include "gradient_map.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace edgebnn {
namespace {

// How far below the largest a channel's exponent may be, so that all of a position's bytes, aligned
// to one exponent, are shorts: 127·2^6 and 31·2^8 are below 8191.
int spread_of(Format format) { return format == Format::i8 ? 6 : format == Format::i6 ? 8 : 0; }

}  // namespace

int largest_of(Format format) {
  return format == Format::i16 ? 8191 : format == Format::i8 ? 127 : 31;
}

// top = f·2^p with f in [1/2, 1), so top <= largest·2^(p-b) exactly where f <= largest/2^b.
int shared_exponent(int32_t bits, int largest) {
  const int width = std::bit_width(static_cast<unsigned>(largest));
  const int p = (bits >> 23) - 126, limit = largest << (24 - width) & 0x7FFFFF;
  return std::clamp(p - width + ((bits & 0x7FFFFF) > limit ? 1 : 0), -126, 126);
}

void GradientMap::begin_sample(size_t part) {
  if (shared()) std::memset(largest(part), 0, plan_.widest * sizeof(int32_t));
}

void GradientMap::track_largest(size_t part, Range c, const float* x) {
  int32_t* top = largest(part) + c.begin;
  for (size_t i = 0; i < c.size(); ++i)
    top[i] = std::max(top[i], std::bit_cast<int32_t>(x[i]) & 0x7FFFFFFF);
}

void GradientMap::fix_exponents_of_sample(size_t part, size_t b) {
  if (!shared()) return;
  const int32_t* top = largest(part);
  int8_t* e = exponents(b);
  const int limit = largest_of(format_);
  if (format_ == Format::i16) {
    *e = static_cast<int8_t>(shared_exponent(kernels_.highest_magnitude(plan_.widest, top), limit));
  } else {
    kernels_.shared_exponents(plan_.widest, top, limit, e);
  }
}

void GradientMap::store_sample(size_t b, size_t position, size_t units, Range c, const float* in) {
  const size_t first = position * units + c.begin;
  if (!shared()) return edgebnn::store(format_, sample(b), first, c.size(), in);
  const bool one = format_ == Format::i16;
  const int8_t* e = exponents(b) + (one ? 0 : c.begin);
  float k[kUnitsAtOnce];
  for (size_t i = 0; i < c.size(); i += kUnitsAtOnce) {
    const size_t n = std::min(kUnitsAtOnce, c.size() - i);
    if (one) {
      const float inverse = power_of_two(-*e);
      for (size_t j = 0; j < n; ++j) k[j] = in[i + j] * inverse;
    } else {
      for (size_t j = 0; j < n; ++j) k[j] = in[i + j] * power_of_two(-e[i + j]);
    }
    edgebnn::store(format_, sample(b), first + i, n, k);
  }
}

std::pair<GradientRowsOut, size_t> GradientMap::rows(size_t row, const Shape& shape,
                                                     Range c) const {
  const size_t bytes = bytes_of(format_), units = static_cast<size_t>(shape.channels);
  const size_t positions = shape.positions(), b = row / positions, position = row % positions;
  const bool one = positions == 1;
  GradientRowsOut rows{.format = format_,
                       .k = sample(b) + (position * units + c.begin) * bytes,
                       .stride = one ? plan_.sample_bytes / bytes : units,
                       .e = exponents(b),
                       .e_stride = one ? plan_.exponents_per_sample : 0};
  if (rows.by_channel()) rows.e += c.begin;
  return {rows, one ? SIZE_MAX : positions - position};
}

void GradientMap::begin() {
  if (shared()) std::memset(largest(0), 0, plan_.threads * plan_.widest * sizeof(int32_t));
}

void GradientMap::fix_exponents() {
  if (!shared()) return;
  int32_t* top = largest(0);
  for (size_t part = 1; part < plan_.threads; ++part) {
    for (size_t c = 0; c < plan_.widest; ++c) top[c] = std::max(top[c], largest(part)[c]);
  }
  const int limit = largest_of(format_);
  const int highest = shared_exponent(kernels_.highest_magnitude(plan_.widest, top), limit);
  const int lowest = std::max(highest - spread_of(format_), -126);
  for (size_t c = 0; c < plan_.widest; ++c) {
    const int e = std::max(shared_exponent(top[c], limit), lowest);
    scales(kUnit)[c] = power_of_two(e);
    scales(kInverse)[c] = power_of_two(-e);
    scales(kToAligned)[c] = power_of_two(e - lowest);
  }
  *scales(kAlignedUnit) = power_of_two(lowest);
  if (in_bytes()) order_channels(top);
}

void GradientMap::order_channels(const int32_t* largest) {
  auto* channels = arena_.at<uint32_t>(plan_.order);
  auto* shifts = arena_.at<uint8_t>(plan_.shifts);
  float* unit = scales(kAlignedUnit);
  terms_ = 0;
  for (int shift = kLargestShift; shift >= 0; --shift) {
    const float own = *unit * static_cast<float>(1 << shift);
    const size_t first = terms_;
    for (size_t c = 0; c < plan_.widest; ++c) {
      if (largest[c] > 0 && scales(kUnit)[c] == own) channels[terms_++] = static_cast<uint32_t>(c);
    }
    while (terms_ % kTermsTogether != 0) channels[terms_++] = kNothing;
    std::fill(shifts + first / kTermsTogether, shifts + terms_ / kTermsTogether,
              static_cast<uint8_t>(shift));
  }
  // Of the lowest that occurs, so that shifts stay small.
  const int lowest = terms_ == 0 ? 0 : shifts[terms_ / kTermsTogether - 1];
  *unit *= static_cast<float>(1 << lowest);
  for (size_t i = 0; i < terms_ / kTermsTogether; ++i)
    shifts[i] = static_cast<uint8_t>(shifts[i] - lowest);
  for (; terms_ < terms_for(terms_); ++terms_) {
    channels[terms_] = kNothing;
    shifts[terms_ / kTermsTogether] = 0;
  }
}

}  // namespace edgebnn
