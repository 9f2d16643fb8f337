// Sums of four terms are looked up instead of added (TBL), for 16 lanes at a time. With p =
// max(g, 0) and n = max(-g, 0), a term adds 2·(set ? p : n) - |g|; so the table of four terms holds
// the 16 sums of p or n, which are at most 4·31, and the |g| are taken out at the end. The sums of
// a step, its eight terms, fit a byte, and are added in halfwords: the steps of the highest shift
// first, so that a lower one goes on with sums shifted by the difference, while 16 bits hold them.
#include <arm_neon.h>

#include "kernels/byte_binary/byte_binary.h"
#include "kernels/byte_binary/steps.h"

namespace edgebnn {
namespace {

#if defined(__aarch64__)
constexpr size_t kRows = 4;  // whose sums lie in registers: 16 of 32
#else
constexpr size_t kRows = 2;  // 8 of 16
#endif
constexpr size_t kVectors = 2, kLanes = 16;  // of a block, of a vector
constexpr size_t kReady = 768;               // steps of rows whose tables lie ready: 24 KiB

struct Step {
  alignas(16) uint8_t tables[kRows][2][16];  // by the byte's lower nibble, by its upper
};
struct Nibbles {
  alignas(16) uint8_t of[2][kVectors][kLanes];
};

inline uint8x16_t look_up(uint8x16_t table, uint8x16_t index) {
#if defined(__aarch64__)
  return vqtbl1q_u8(table, index);
#else
  const uint8x8x2_t both = {{vget_low_u8(table), vget_high_u8(table)}};
  return vcombine_u8(vtbl2_u8(both, vget_low_u8(index)), vtbl2_u8(both, vget_high_u8(index)));
#endif
}

// Of the pairs of eight terms, (pp, nn) of each, then (pn, np) of each: where bits 0 and 1 of an
// entry find the first pair's, nn, pn, np, pp; and bits 2 and 3 the second's. The upper nibble's
// pairs are two on.
alignas(16) constexpr uint8_t kFirst[16] = {1, 8, 9, 0, 1, 8, 9, 0, 1, 8, 9, 0, 1, 8, 9, 0};
alignas(16) constexpr uint8_t kSecond[16] = {3,  3,  3,  3,  10, 10, 10, 10,
                                             11, 11, 11, 11, 2,  2,  2,  2};

inline void store_tables(uint8x16_t pairs, uint8_t (*tables)[16]) {
#pragma GCC unroll 2
  for (uint8_t nibble = 0; nibble < 2; ++nibble) {
    const uint8x16_t on = vdupq_n_u8(4 * nibble);
    const uint8x16_t first = look_up(pairs, vaddq_u8(vld1q_u8(kFirst), on));
    vst1q_u8(tables[nibble], vaddq_u8(first, look_up(pairs, vaddq_u8(vld1q_u8(kSecond), on))));
  }
}

// The tables of a row; returns what its sums lack: minus the sum of its 2^shift·|g|.
inline int32_t make_row(const Plan& plan, const int8_t* g, uint8_t (*tables)[2][16]) {
  uint32x4_t sizes = vdupq_n_u32(0);
  for (size_t step = 0; step < plan.steps; step += 2) {
    const int8x16_t own = vld1q_s8(g + step * 8);
    const int8x16_t plus = vmaxq_s8(own, vdupq_n_s8(0));
    const uint8x16_t p = vreinterpretq_u8_s8(plus);
    const uint8x16_t n = vreinterpretq_u8_s8(vsubq_s8(plus, own));
    const uint8x16x2_t of_pair = vtrnq_u8(p, n);  // p and n of its first, of its second
    const uint8x16_t same = vaddq_u8(of_pair.val[0], of_pair.val[1]);
    const uint8x16_t mixed = vaddq_u8(of_pair.val[0], vrev16q_u8(of_pair.val[1]));
    const uint32x4_t fours = vpaddlq_u16(vpaddlq_u8(same));
    sizes = vmlaq_u32(sizes, fours, vld1q_u32(plan.factors + step * 2));
    store_tables(vcombine_u8(vget_low_u8(same), vget_low_u8(mixed)),
                 tables[plan.place[step] * kRows]);
    store_tables(vcombine_u8(vget_high_u8(same), vget_high_u8(mixed)),
                 tables[plan.place[step + 1] * kRows]);
  }
  const uint64x2_t total = vpaddlq_u32(sizes);
  return -static_cast<int32_t>(vgetq_lane_u64(total, 0) + vgetq_lane_u64(total, 1));
}

// Four steps, of 16 lanes' words.
inline void make_nibbles(const uint32_t* b, size_t v, const uint8_t* place, Nibbles* nibbles) {
  const uint8x16x4_t bytes = vld4q_u8(reinterpret_cast<const uint8_t*>(b));
#pragma GCC unroll 4
  for (size_t step = 0; step < 4; ++step) {
    uint8_t (&of)[2][kVectors][kLanes] = nibbles[place[step]].of;
    vst1q_u8(of[0][v], vandq_u8(bytes.val[step], vdupq_n_u8(15)));
    vst1q_u8(of[1][v], vshrq_n_u8(bytes.val[step], 4));
  }
}

// Sums of 16 lanes.
struct Halfwords {
  uint16x8_t low, high;
  void add(uint8x16_t bytes) {
    low = vaddw_u8(low, vget_low_u8(bytes));
    high = vaddw_u8(high, vget_high_u8(bytes));
  }
  void raise(int16_t by) {
    low = vshlq_u16(low, vdupq_n_s16(by));
    high = vshlq_u16(high, vdupq_n_s16(by));
  }
};

// What comes before is made before what comes after; loads too.
inline void fix(uint8x16_t& bytes) { asm volatile("" : "+w"(bytes)::"memory"); }
inline void fix(Halfwords& sum) { asm volatile("" : "+w"(sum.low), "+w"(sum.high)::"memory"); }

template <size_t V>
inline void load(const Nibbles& nibbles, uint8x16_t (&at)[2][V]) {
#pragma GCC unroll 2
  for (size_t v = 0; v < V; ++v) {
    at[0][v] = vld1q_u8(nibbles.of[0][v]);
    at[1][v] = vld1q_u8(nibbles.of[1][v]);
  }
}

template <class... T>
inline void settle(T&... all) {
  const auto each = [](auto& some) {
#pragma GCC unroll 2
    for (auto& one : some) fix(one);
  };
  (each(all), ...);
}

// Steps of one shift. With 32 registers, in an order in which cores that run in order do not wait
// for what was just looked up: a row's bytes are added while the next row's are looked up.
template <size_t R, size_t V>
inline void add_run(size_t steps, const uint8_t (*tables)[2][16], const Nibbles* nibbles,
                    Halfwords (&sums)[R][V]) {
#if defined(__aarch64__)
  constexpr size_t kAtOnce = R < 2 ? R : 2;  // rows whose tables lie in registers
  uint8x16_t lower[V], upper[V], ready[V], at[2][V], first[kAtOnce], second[kAtOnce];
  for (size_t v = 0; v < V; ++v) lower[v] = upper[v] = vdupq_n_u8(0);
#pragma GCC unroll 2
  for (size_t step = 0; step < steps; ++step, tables += kRows, ++nibbles) {
#pragma GCC unroll 4
    for (size_t r = 0; r < R; ++r) {
      if (r == 0) load(*nibbles, at);
      if (r % kAtOnce == 0) {
#pragma GCC unroll 2
        for (size_t i = 0; i < kAtOnce; ++i) {
          first[i] = vld1q_u8(tables[r + i][0]);
          second[i] = vld1q_u8(tables[r + i][1]);
        }
      }
      settle(first, second, lower, upper);
#pragma GCC unroll 2
      for (size_t v = 0; v < V; ++v) ready[v] = vaddq_u8(lower[v], upper[v]);
      settle(ready, at[0], at[1]);
#pragma GCC unroll 2
      for (size_t v = 0; v < V; ++v) {
        lower[v] = look_up(first[r % kAtOnce], at[0][v]);
        upper[v] = look_up(second[r % kAtOnce], at[1][v]);
      }
      settle(ready, lower, upper);
      Halfwords(&before)[V] = sums[(r + R - 1) % R];
#pragma GCC unroll 2
      for (size_t v = 0; v < V; ++v) before[v].add(ready[v]);
      settle(before);
    }
  }
  for (size_t v = 0; v < V; ++v) sums[R - 1][v].add(vaddq_u8(lower[v], upper[v]));
#else
#pragma GCC unroll 1
  for (size_t step = 0; step < steps; ++step, tables += kRows, ++nibbles) {
    uint8x16_t lower[V], at[2][V];
    load(*nibbles, at);
#pragma GCC unroll 2
    for (size_t r = 0; r < R; ++r) {
      const uint8x16_t first = vld1q_u8(tables[r][0]);
#pragma GCC unroll 2
      for (size_t v = 0; v < V; ++v) {
        lower[v] = look_up(first, at[0][v]);
        fix(lower[v]);
      }
      const uint8x16_t second = vld1q_u8(tables[r][1]);
#pragma GCC unroll 2
      for (size_t v = 0; v < V; ++v) {
        uint8x16_t upper = look_up(second, at[1][v]);
        fix(upper);
        sums[r][v].add(vaddq_u8(lower[v], upper));
        fix(sums[r][v]);
      }
    }
  }
#endif
}

// s += factor·sums + rest, of eight lanes.
inline void add_to(int32_t* s, uint16x8_t sums, uint16_t factor, int32x4_t rest) {
  const uint32x4_t low = vreinterpretq_u32_s32(vaddq_s32(vld1q_s32(s), rest));
  const uint32x4_t high = vreinterpretq_u32_s32(vaddq_s32(vld1q_s32(s + 4), rest));
  vst1q_s32(s, vreinterpretq_s32_u32(vmlal_n_u16(low, vget_low_u16(sums), factor)));
  vst1q_s32(s + 4, vreinterpretq_s32_u32(vmlal_n_u16(high, vget_high_u16(sums), factor)));
}

// R rows times V vectors of lanes. tables: of the first row; rests: of each.
template <size_t R, size_t V>
inline void block(const Plan& plan, const uint8_t (*tables)[2][16], const Nibbles* nibbles,
                  const int32_t* rests, const Begins<int32_t, R>& rows, size_t offset) {
  Halfwords sums[R][V] = {};
  const auto add_sums = [&](const Run& run, auto rest_of) {
#pragma GCC unroll 4
    for (size_t r = 0; r < R; ++r) {
      const int32x4_t rest = rest_of(r);
      for (size_t v = 0; v < V; ++v) {
        int32_t* to = rows.of[r] + offset + v * kLanes;
        add_to(to, sums[r][v].low, run.factor, rest);
        add_to(to + 8, sums[r][v].high, run.factor, rest);
      }
    }
  };
  const Run* const last = plan.of + plan.runs - 1;
  for (const Run* run = plan.of;; ++run) {
    for (size_t v = 0; v < R * V && run->rise > 0; ++v) sums[v / V][v % V].raise(run->rise);
    add_run<R, V>(run->steps, tables, nibbles, sums);
    if (run == last) break;
    tables += run->steps * kRows;
    nibbles += run->steps;
    if (run->factor == 0) continue;
    add_sums(*run, [](size_t) { return vdupq_n_s32(0); });
    for (size_t v = 0; v < R * V; ++v) sums[v / V][v % V] = {};
  }
  add_sums(*last, [&](size_t r) { return vld1q_dup_s32(rests + r); });
}

// V vectors of lanes, all rows whose tables lie ready.
template <size_t V>
inline void strip(size_t first_row, size_t rows, const Plan& plan, const Step* tables,
                  const int32_t* rests, size_t lanes, const uint32_t* b, const SumRows<int32_t>& s,
                  size_t offset) {
  Nibbles nibbles[kSteps];
  for (size_t step = 0; step < plan.steps; step += 4, b += lanes) {
    for (size_t v = 0; v < V; ++v) make_nibbles(b + v * kLanes, v, plan.place + step, nibbles);
  }
  size_t r = 0;
  for (; r + kRows <= rows; r += kRows, tables += plan.steps)
    block<kRows, V>(plan, tables->tables, nibbles, rests + r, {s, first_row + r}, offset);
  for (; r < rows; ++r)
    block<1, V>(plan, tables->tables + r % kRows, nibbles, rests + r, {s, first_row + r}, offset);
}

}  // namespace

void byte_binary_neon(size_t rows, size_t terms, size_t lanes, const int8_t* g,
                      const uint8_t* shifts, const uint32_t* b, const SumRows<int32_t>& s) {
  Step tables[kReady / kRows];
  int32_t rests[kReady / 4];
  Plan plan;
  for (size_t first = 0; first < terms / 8; first += kSteps, b += kSteps / 4 * lanes) {
    const size_t steps = terms / 8 - first < kSteps ? terms / 8 - first : kSteps;
    make_plan(steps, shifts == nullptr ? nullptr : shifts + first, plan);
    const size_t together = kReady / steps / kRows * kRows;
    for (size_t r = 0; r < rows; r += together) {
      const size_t here = rows - r < together ? rows - r : together;
      for (size_t i = 0; i < here; ++i) {
        rests[i] = make_row(plan, g + (r + i) * terms + first * 8,
                            tables[i / kRows * steps].tables + i % kRows);
      }
      each_lanes(s, lanes, kVectors * kLanes, [&](size_t l, size_t offset, size_t n) {
        if (n == kVectors * kLanes)
          return strip<kVectors>(r, here, plan, tables, rests, lanes, b + l, s, offset);
        strip<1>(r, here, plan, tables, rests, lanes, b + l, s, offset);
      });
    }
  }
}

}  // namespace edgebnn
