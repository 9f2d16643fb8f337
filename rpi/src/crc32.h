// CRC-32 of IEEE 802.3, as zlib computes it; a byte at a time, its table made at compile time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace edgebnn {

namespace internal {

inline constexpr std::array<uint32_t, 256> kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0xEDB88320u : 0);
    table[i] = value;
  }
  return table;
}();

}  // namespace internal

class Crc32 {
 public:
  void add(const void* data, size_t bytes) {
    const auto* next = static_cast<const uint8_t*>(data);
    for (size_t i = 0; i < bytes; ++i)
      state_ = (state_ >> 8) ^ internal::kCrcTable[(state_ ^ next[i]) & 255];
  }
  uint32_t value() const { return ~state_; }

 private:
  uint32_t state_ = ~0u;
};

}  // namespace edgebnn
