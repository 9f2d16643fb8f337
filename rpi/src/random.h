// Counter-based random numbers (docs/numerics.md): draw i of stream s under seed k is a function of
// the three, so any thread, any machine and a resumed run draw the same.
#pragma once

#include <cstdint>

namespace edgebnn {

// First of each family of streams: plus the weighted layer's index, or plus the epoch.
inline constexpr uint64_t kInitialWeights = 1000;
inline constexpr uint64_t kRoundWeights = 3000;
inline constexpr uint64_t kRoundMomenta = 4000;
inline constexpr uint64_t kShuffle = uint64_t{1} << 32;
inline constexpr uint64_t kAugmentation = uint64_t{1} << 33;

// splitmix64's finaliser (Steele, Lea & Flood 2014).
uint64_t mix(uint64_t z);

// The 32-bit mixer "lowbias32" (Wellons 2018), for stochastic rounding.
inline uint32_t mix32(uint32_t z) {
  z = (z ^ (z >> 16)) * 0x7FEB352D;
  z = (z ^ (z >> 15)) * 0x846CA68B;
  return z ^ (z >> 16);
}

class Stream {
 public:
  Stream(uint64_t seed, uint64_t stream);
  // Uniform over 64 bits.
  uint64_t draw(uint64_t index) const;
  // Uniform in (0, 1].
  double uniform(uint64_t index) const;
  // Standard normal number j, by Box-Muller from draws 2j and 2j+1.
  double normal(uint64_t j) const;

 private:
  uint64_t key_;
};

// A keyed permutation of 0..count-1 that needs no memory: a six-round Feistel network over the
// smallest 4^h >= count, walked along its cycle until it falls below count.
class Permutation {
 public:
  Permutation(uint64_t seed, uint64_t epoch, uint64_t count);
  uint64_t operator()(uint64_t position) const;

 private:
  Stream stream_;
  uint64_t count_;
  unsigned half_bits_;
};

}  // namespace edgebnn
