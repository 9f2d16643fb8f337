// What the tests of the ops beside the products share: every variant against the scalar definition,
// on the same inputs, byte by byte.
#pragma once

#include <bit>
#include <cstring>
#include <type_traits>
#include <vector>

#include "check.h"
#include "kernels/registry.h"
#include "random.h"

namespace tests {

inline constexpr size_t kChannels[] = {1, 10, 15, 16, 17, 31, 32, 33, 64, 130};
inline constexpr size_t kRows[] = {0, 1, 2, 5};

// Values by turns from all over: zeros, halves between integers, small and large.
class Drawn {
 public:
  explicit Drawn(uint64_t seed) : random_(seed, 1) {}

  uint64_t bits() { return random_.draw(next_++); }
  int integer(int most) {
    const auto drawn = static_cast<int64_t>(bits() % (2 * static_cast<uint64_t>(most) + 1));
    return static_cast<int>(drawn - most);
  }
  float real() {
    const uint64_t draw = bits();
    if (draw % 16 == 0) return 0;
    if (draw % 16 == 1) return static_cast<float>(integer(40)) + 0.5f;
    return static_cast<float>(integer(1 << 20)) *
           std::bit_cast<float>(static_cast<uint32_t>(127 - 30 + draw % 24) << 23);
  }
  template <class T, class Body>
  std::vector<T> many(size_t n, Body&& body) {
    std::vector<T> values(n);
    for (T& value : values) value = static_cast<T>(body());
    return values;
  }
  std::vector<float> reals(size_t n) {
    return many<float>(n, [&] { return real(); });
  }
  std::vector<uint8_t> bytes(size_t n) {
    return many<uint8_t>(n, [&] { return bits() >> 32; });
  }

 private:
  edgebnn::Stream random_;
  uint64_t next_ = 0;
};

// Calls body(kernels), or body(kernels, scalar), for every variant that runs here.
template <class Body>
void each_variant(const Body& body) {
  for (const edgebnn::Kernels& kernels : edgebnn::all_kernels()) {
    if (!kernels.runs()) continue;  // main() says so
    if constexpr (std::is_invocable_v<Body, const edgebnn::Kernels&>) {
      body(kernels);
    } else {
      body(kernels, edgebnn::all_kernels().back());
    }
  }
}

template <class T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

}  // namespace tests
