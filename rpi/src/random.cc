#include "random.h"

#include <cmath>
#include <numbers>

namespace edgebnn {
namespace {
constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;
}

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

Stream::Stream(uint64_t seed, uint64_t stream)
    : key_(mix(mix(seed + kGolden) + stream * kGolden)) {}

uint64_t Stream::draw(uint64_t index) const { return mix(key_ + (index + 1) * kGolden); }

double Stream::uniform(uint64_t index) const {
  return static_cast<double>((draw(index) >> 11) + 1) * 0x1p-53;
}

double Stream::normal(uint64_t j) const {
  return std::sqrt(-2.0 * std::log(uniform(2 * j))) *
         std::cos(2.0 * std::numbers::pi * uniform(2 * j + 1));
}

Permutation::Permutation(uint64_t seed, uint64_t epoch, uint64_t count)
    : stream_(seed, kShuffle + epoch), count_(count), half_bits_(1) {
  while ((uint64_t{1} << (2 * half_bits_)) < count) ++half_bits_;
}

uint64_t Permutation::operator()(uint64_t position) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t x = position;
  do {
    uint64_t left = x >> half_bits_, right = x & mask;
    for (uint64_t round = 0; round < 6; ++round) {
      const uint64_t next = left ^ (stream_.draw((round << 32) + right) >> (64 - half_bits_));
      left = right;
      right = next;
    }
    x = (left << half_bits_) | right;
  } while (x >= count_);
  return x;
}

}  // namespace edgebnn
