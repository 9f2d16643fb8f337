// 16 places at a time from a table of as many bytes as look-ups take (TBX): places whose bytes lie
// elsewhere are left as they are.
#include <arm_neon.h>

#include <algorithm>
#include <cstring>

#include "kernels/reorder/reorder.h"

namespace edgebnn {
namespace {

constexpr size_t kPlaces = 16;

#if defined(__aarch64__)
constexpr size_t kBytes = 64;
using Table = uint8x16x4_t;

inline Table load(const uint8_t* from) { return vld1q_u8_x4(from); }
inline uint8x16_t look_up(uint8x16_t otherwise, const Table& table, uint8x16_t index) {
  return vqtbx4q_u8(otherwise, table, index);
}
#else
constexpr size_t kBytes = 32;
using Table = uint8x8x4_t;

inline Table load(const uint8_t* from) {
  return {{vld1_u8(from), vld1_u8(from + 8), vld1_u8(from + 16), vld1_u8(from + 24)}};
}
inline uint8x16_t look_up(uint8x16_t otherwise, const Table& table, uint8x16_t index) {
  return vcombine_u8(vtbx4_u8(vget_low_u8(otherwise), table, vget_low_u8(index)),
                     vtbx4_u8(vget_high_u8(otherwise), table, vget_high_u8(index)));
}
#endif

// Indices into the bytes from `from` on; 255, which no table has, for those that lie far off.
inline uint8x16_t indices(const uint32_t* order, size_t from) {
  const uint32x4_t base = vdupq_n_u32(static_cast<uint32_t>(from));
  const auto four = [&](size_t i) { return vqmovn_u32(vsubq_u32(vld1q_u32(order + i), base)); };
  return vcombine_u8(vqmovn_u16(vcombine_u16(four(0), four(4))),
                     vqmovn_u16(vcombine_u16(four(8), four(12))));
}

inline bool any_within(uint8x16_t index) {
  const uint8x16_t within = vcltq_u8(index, vdupq_n_u8(kBytes));
  const uint8x8_t either = vorr_u8(vget_low_u8(within), vget_high_u8(within));
  return vget_lane_u64(vreinterpret_u64_u8(either), 0) != 0;
}

}  // namespace

void reorder_neon(size_t rows, size_t n, const int8_t* k, size_t stride, size_t terms,
                  const uint32_t* order, int8_t* out) {
  const auto* in = reinterpret_cast<const uint8_t*>(k);
  for (size_t j = 0; j < terms; j += 2 * kPlaces) {
    auto* to = reinterpret_cast<uint8_t*>(out) + j;
    for (size_t from = 0; from == 0 || from < n; from += kBytes) {
      const uint8x16_t first = indices(order + j, from),
                       second = indices(order + j + kPlaces, from);
      if (from > 0 && !any_within(vminq_u8(first, second))) continue;
      const size_t there = std::min(kBytes, n - from);
      const uint8_t* row = in + from;
      uint8_t* at = to;
      for (size_t m = 0; m < rows; ++m, row += stride, at += terms) {
        uint8_t last[kBytes];
        const bool whole = there == kBytes;
        if (!whole) std::memcpy(last, row, there);
        const Table table = load(whole ? row : last);
        const uint8x16_t none = vdupq_n_u8(0);
        vst1q_u8(at, look_up(from > 0 ? vld1q_u8(at) : none, table, first));
        vst1q_u8(at + kPlaces, look_up(from > 0 ? vld1q_u8(at + kPlaces) : none, table, second));
      }
    }
  }
}

}  // namespace edgebnn
