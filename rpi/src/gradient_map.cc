#include "gradient_map.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace edgebnn {
namespace {
enum { kLoaded, kStored, kInverse };  // rows of the scales
}

int largest_of(Format format) {
  return format == Format::i16 ? 8191 : format == Format::i8 ? 127 : 31;
}

// top = f·2^p with f in [1/2, 1), so top <= largest·2^(p-b) exactly where f <= largest/2^b.
float shared_scale(float top, int largest) {
  const auto bits = std::bit_cast<int32_t>(top);
  const int width = std::bit_width(static_cast<unsigned>(largest));
  const int p = (bits >> 23) - 126, limit = largest << (24 - width) & 0x7FFFFF;
  const int e = std::clamp(p - width + ((bits & 0x7FFFFF) > limit ? 1 : 0), -126, 126);
  return std::bit_cast<float>((e + 127) << 23);
}

void GradientMap::load(size_t b, size_t position, size_t units, Range c, float* out) const {
  edgebnn::load(format_, sample(b), position * units + c.begin, c.size(), out);
  if (!shared()) return;
  const float* scale = scales(kLoaded) + c.begin;
  for (size_t i = 0; i < c.size(); ++i) out[i] *= scale[i];
}

void GradientMap::store(size_t b, size_t position, size_t units, Range c, const float* in) {
  const size_t first = position * units + c.begin;
  if (!shared()) return edgebnn::store(format_, sample(b), first, c.size(), in);
  const float* inverse = scales(kInverse) + c.begin;
  float k[kUnitsAtOnce];
  for (size_t i = 0; i < c.size(); i += kUnitsAtOnce) {
    const size_t n = std::min(kUnitsAtOnce, c.size() - i);
    for (size_t j = 0; j < n; ++j) k[j] = in[i + j] * inverse[i + j];
    edgebnn::store(format_, sample(b), first + i, n, k);
  }
}

void GradientMap::begin() {
  if (shared())
    std::memset(arena_.at(plan_.largest), 0, plan_.threads * plan_.widest * sizeof(float));
}

void GradientMap::note(size_t part, Range c, const float* x) {
  float* top = arena_.at<float>(plan_.largest) + part * plan_.widest + c.begin;
  for (size_t i = 0; i < c.size(); ++i) top[i] = std::max(top[i], std::fabs(x[i]));
}

void GradientMap::settle() {
  if (!shared()) return;
  auto* top = arena_.at<float>(plan_.largest);
  for (size_t part = 1; part < plan_.threads; ++part) {
    for (size_t c = 0; c < plan_.widest; ++c)
      top[c] = std::max(top[c], top[part * plan_.widest + c]);
  }
  if (format_ == Format::i16)
    std::fill(top, top + plan_.widest, *std::max_element(top, top + plan_.widest));
  for (size_t c = 0; c < plan_.widest; ++c) {
    const float scale = shared_scale(top[c], largest_of(format_));
    scales(kStored)[c] = scale;
    scales(kInverse)[c] = 1.0f / scale;
  }
}

void GradientMap::turn() {
  if (shared()) std::memcpy(scales(kLoaded), scales(kStored), plan_.widest * sizeof(float));
}

}  // namespace edgebnn
