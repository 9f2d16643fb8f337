// Of the products that AMX has; the others are AVX-512's.
#include "kernels/amx.h"

#include <immintrin.h>

#include "rooflines/rooflines.h"

namespace edgebnn {
namespace {

// On two sums by turns, and on four.
void few(size_t rounds) {
  const amx::Tiles configured;
  for (size_t round = 0; round < rounds; round += 2) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
  }
}

void many(size_t rounds) {
  const amx::Tiles configured;
  for (size_t round = 0; round < rounds; round += 4) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
}

constexpr size_t kMultiplications = amx::kSide * amx::kSide * amx::kTerms;
constexpr Roofline kAll[] = {
    {"amx", "short_binary", "tdpbssd, twice", kMultiplications / 2, few, many},
    {"amx", "byte_binary", "tdpbssd", kMultiplications, few, many},
};

}  // namespace

std::span<const Roofline> rooflines_amx() { return kAll; }

}  // namespace edgebnn
