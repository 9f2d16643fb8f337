// The most that an ISA's instructions allow a kernel: a loop of the kernel's innermost mix, its
// operands all in registers, its sums independent. What loads, tables and edges cost comes on top.
// Too few sums wait for each other, and some cores share more of them out badly among their units:
// each loop exists with few and with many, and the quicker counts.
//
// To add an ISA's: rooflines/<isa>.cc, its declaration here, its line in all_rooflines().
#pragma once

#include <cstddef>
#include <span>

namespace edgebnn {

struct Roofline {
  const char* variant;  // as in the registry
  const char* kernel;
  const char* mix;
  size_t multiplications;  // of one round
  void (*few)(size_t rounds);
  void (*many)(size_t rounds);
};

std::span<const Roofline> rooflines_amx();
std::span<const Roofline> rooflines_avx2();
std::span<const Roofline> rooflines_avx512();

// A value that the compiler knows nothing about: what is computed from it, is computed.
template <class Vector>
inline void hide(Vector& v) {
  asm volatile("" : "+v"(v));
}

}  // namespace edgebnn
