// The trainer's own memset, where it has one (src/memset.cc).
#include <cstring>
#include <vector>

#include "check.h"

namespace {

TEST("memset: every byte that is asked for, and none beside") {
  void* (*volatile fill)(void*, int, size_t) = std::memset;  // the compiler knows what it does
  std::vector<unsigned char> memory(3000);
  for (size_t n = 0; n < 2100; n += n < 300 ? 1 : 97) {
    for (size_t at = 0; at < 17; ++at) {
      std::fill(memory.begin(), memory.end(), 7);
      EQUAL(fill(&memory[16 + at], 0x1AB, n) == &memory[16 + at], true);
      for (size_t i = 0; i < memory.size(); ++i) {
        const bool inside = i >= 16 + at && i < 16 + at + n;
        EQUAL(int{memory[i]}, inside ? 0xAB : 7);
      }
    }
  }
}

}  // namespace
