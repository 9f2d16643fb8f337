// Sums of four terms are looked up instead of added: TBL, in two planes of bytes, the lower
// unsigned and the upper signed. A table holds two groups of four, an index vector both groups of
// eight lanes side by side: so one UADALP or SADALP adds the pair to the lane's halfword.
#include <arm_neon.h>

#include "kernels/short_binary/short_binary.h"

namespace edgebnn {
namespace {

constexpr size_t kEight = 8;  // lanes of a vector
// Vectors of a block: its sums, of a row, lie in registers.
#if defined(__aarch64__)
constexpr size_t kVectors = 8;  // 16 of 32
#else
constexpr size_t kVectors = 4;  // 8 of 16
#endif
constexpr size_t kWords = 8;   // 32 steps of at most 2 · 255: a halfword holds them
constexpr size_t kReady = 64;  // words whose tables lie ready: 16 KiB

// A step looks up 8 terms, two groups of four; a word of terms has four steps.
struct Table {
  alignas(16) uint8_t lower[2][16], upper[2][16];  // of both groups, by pattern
};
struct Word {
  Table steps[4];
};
struct Indices {
  alignas(16) uint8_t of[kWords * 4 + 1][kVectors][16];  // the last is loaded, and not used
};

// The sums of four terms of every pattern, added and subtracted by its bits.
template <int Half>
inline uint8x16x2_t sums_of_four(int16x8_t g) {
  alignas(16) static constexpr int16_t kSigns[3][8] = {
      {-1, 1, -1, 1, -1, 1, -1, 1}, {-1, -1, 1, 1, -1, -1, 1, 1}, {-1, -1, -1, -1, 1, 1, 1, 1}};
  const int16x4_t four = Half == 0 ? vget_low_s16(g) : vget_high_s16(g);
  int16x8_t three = vmulq_lane_s16(vld1q_s16(kSigns[0]), four, 0);
  three = vmlaq_lane_s16(three, vld1q_s16(kSigns[1]), four, 1);
  three = vmlaq_lane_s16(three, vld1q_s16(kSigns[2]), four, 2);
  const int16x8_t last = vdupq_lane_s16(four, 3);
  const uint8x16_t less = vreinterpretq_u8_s16(vsubq_s16(three, last));
  return vuzpq_u8(less, vreinterpretq_u8_s16(vaddq_s16(three, last)));
}

inline void store(uint8x16x2_t sums, size_t group, Table& table) {
  vst1q_u8(table.lower[group], sums.val[0]);
  vst1q_u8(table.upper[group], sums.val[1]);
}

// Of each halfword of terms, groups 0 and 2, then 1 and 3: as the nibbles of its bytes stand.
inline void make_tables(const int16_t* g, Word& word) {
  for (size_t half = 0; half < 2; ++half) {
    for (size_t byte = 0; byte < 2; ++byte) {
      const int16x8_t terms = vld1q_s16(g + half * 16 + byte * 8);
      store(sums_of_four<0>(terms), byte, word.steps[half * 2]);
      store(sums_of_four<1>(terms), byte, word.steps[half * 2 + 1]);
    }
  }
}

// Of eight lanes' words. Of an index's bytes the upper half is constant: the upper byte's table is
// the second. The nibbles are inserted below it.
inline void make_indices(const uint32_t* b, size_t v, uint8_t (*indices)[kVectors][16]) {
  const uint16x8_t low = vreinterpretq_u16_u32(vld1q_u32(b));
  const uint16x8x2_t halves = vuzpq_u16(low, vreinterpretq_u16_u32(vld1q_u32(b + 4)));
  const uint8x16_t second = vreinterpretq_u8_u16(vdupq_n_u16(0x1000));
#pragma GCC unroll 2
  for (size_t half = 0; half < 2; ++half) {
    const uint8x16_t bytes = vreinterpretq_u8_u16(halves.val[half]);
    vst1q_u8(indices[half * 2][v], vbslq_u8(vdupq_n_u8(15), bytes, second));
    vst1q_u8(indices[half * 2 + 1][v], vsriq_n_u8(second, bytes, 4));
  }
}

#if defined(__aarch64__)
using Plane = uint8x16x2_t;
inline Plane load(const uint8_t (*plane)[16]) { return {{vld1q_u8(plane[0]), vld1q_u8(plane[1])}}; }
inline uint8x16_t look_up(const Plane& plane, uint8x16_t index) { return vqtbl2q_u8(plane, index); }
#else
using Plane = uint8x8x4_t;
inline Plane load(const uint8_t (*plane)[16]) {
  const uint8x16_t first = vld1q_u8(plane[0]), second = vld1q_u8(plane[1]);
  return {{vget_low_u8(first), vget_high_u8(first), vget_low_u8(second), vget_high_u8(second)}};
}
inline uint8x16_t look_up(const Plane& plane, uint8x16_t index) {
  return vcombine_u8(vtbl4_u8(plane, vget_low_u8(index)), vtbl4_u8(plane, vget_high_u8(index)));
}
#endif

// Made here: what stands before it in the source comes before it, and what stands behind it after.
template <class T>
inline void settle(T& made) {
  asm volatile("" : "+w"(made)::"memory");
}

// A row's sums of V vectors of lanes.
template <size_t V>
struct Sums {
  uint16x8_t lower[V];
  int16x8_t upper[V];
};

// s += lower + 256·upper, of four lanes.
inline void add_to(int32_t* s, uint16x4_t lower, int16x4_t upper) {
  const int32x4_t sum = vmlal_n_s16(vld1q_s32(s), upper, 256);
  vst1q_s32(s, vreinterpretq_s32_u32(vaddw_u16(vreinterpretq_u32_s32(sum), lower)));
}

// One row times V vectors of lanes. A plane's sums are made before the next plane is loaded: the
// scheduler would load more than registers hold.
template <size_t V>
inline void add_words(size_t words, const Word* tables, const Indices& indices, Sums<V>& sums) {
  const uint8_t (*index)[kVectors][16] = indices.of;
#pragma GCC unroll 1
  for (size_t word = 0; word < words; ++word, ++tables) {
#pragma GCC unroll 4
    for (size_t step = 0; step < 4; ++step, ++index) {
      uint8x16_t at[V];
#pragma GCC unroll 4
      for (size_t v = 0; v < V; ++v) at[v] = vld1q_u8((*index)[v]);
      const Plane lower = load(tables->steps[step].lower);
#pragma GCC unroll 4
      for (size_t v = 0; v < V; ++v)
        sums.lower[v] = vpadalq_u8(sums.lower[v], look_up(lower, at[v]));
#pragma GCC unroll 4
      for (size_t v = 0; v < V; ++v) settle(sums.lower[v]);
      const Plane upper = load(tables->steps[step].upper);
#pragma GCC unroll 4
      for (size_t v = 0; v < V; ++v)
        sums.upper[v] = vpadalq_s8(sums.upper[v], vreinterpretq_s8_u8(look_up(upper, at[v])));
#pragma GCC unroll 4
      for (size_t v = 0; v < V; ++v) settle(sums.upper[v]);
    }
  }
}

#if defined(__aarch64__)
// Two vectors that lie side by side, loaded here, by one instruction.
inline void load_two(const uint8_t (*from)[16], uint8x16_t& first, uint8x16_t& second) {
  first = vld1q_u8(from[0]);
  second = vld1q_u8(from[1]);
  asm volatile("" : "+w"(first), "+w"(second)::"memory");
}

// The same of eight vectors, of which a core that runs in order never waits for a load: each is
// made a while before it is used, and a sum is found four sums before it is added. What is found in
// the upper plane takes its index's register, so that all of it fits: 16 sums, 8 indices, 4 vectors
// of tables, 4 of what was found.
class Pipeline {
 public:
  using Index = uint8_t[16];

  // index: [8], of the first step; as step() has it, from the fifth on.
  inline Pipeline(const Table* table, const Index* index, Sums<8>& sums) : sums_(sums) {
    lower_ = load(table->lower);
    for (size_t v = 0; v < 4; ++v) at_[v] = vld1q_u8(index[v]);
    for (size_t v = 4; v < 8; ++v) at_[v] = vdupq_n_u8(0);  // nothing is found yet
  }

  // Behind a step's table lies the next step's. index: of vectors 4 to 7, and then 0 to 3 of the
  // next step; from here a load of two reaches all of eight steps.
  [[gnu::always_inline]] inline void step(const Table* table, const Index* index) {
    Plane upper;
    uint8x16_t found[4];
#pragma GCC unroll 8
    for (size_t v = 0; v < 8; ++v) {
      if (v == 6) load_two(table[0].upper, upper.val[0], upper.val[1]);
      if (v < 4) {
        add_upper(v + 4);
        if (v % 2 == 1) load_two(index + v - 1, at_[v + 3], at_[v + 4]);
      } else {
        add_lower(v - 4, found[v - 4]);
      }
      found[v % 4] = find(lower_, at_[v]);
    }
#pragma GCC unroll 8
    for (size_t v = 0; v < 8; ++v) {
      if (v == 4) load_two(table[1].lower, lower_.val[0], lower_.val[1]);
      if (v < 4) {
        add_lower(v + 4, found[v]);
      } else {
        add_upper(v - 4);
        if (v % 2 == 1) load_two(index + v - 1, at_[v - 5], at_[v - 4]);
      }
      at_[v] = find(upper, at_[v]);
    }
  }

  inline void end() { add_upper(4), add_upper(5), add_upper(6), add_upper(7); }

 private:
  static inline uint8x16_t find(const Plane& plane, uint8x16_t& index) {
    settle(index);
    uint8x16_t found = look_up(plane, index);
    settle(found);
    return found;
  }

  inline void add_lower(size_t v, uint8x16_t found) {
    settle(sums_.lower[v]);
    sums_.lower[v] = vpadalq_u8(sums_.lower[v], found);
    settle(sums_.lower[v]);
  }
  inline void add_upper(size_t v) {
    settle(sums_.upper[v]);
    sums_.upper[v] = vpadalq_s8(sums_.upper[v], vreinterpretq_s8_u8(at_[v]));
    settle(sums_.upper[v]);
  }

  Sums<8>& sums_;
  Plane lower_;
  // Indices; of vectors 4 to 7, between two steps, what was found in the upper plane.
  uint8x16_t at_[8];
};

template <>
inline void add_words<8>(size_t words, const Word* tables, const Indices& indices, Sums<8>& sums) {
  const Table* table = tables->steps;
  Pipeline pipeline(table, indices.of[0], sums);
  const Pipeline::Index* index = indices.of[0] + 4;
#pragma GCC unroll 1
  for (size_t two = words / 2; two > 0; --two, index += 8 * kVectors) {
#pragma GCC unroll 8
    for (size_t step = 0; step < 8; ++step) pipeline.step(table + step, index + step * kVectors);
    // Moved by an addition: a load that moves it takes a core longer.
    asm volatile("add %0, %0, %1" : "+r"(table) : "n"(8 * sizeof(Table)));
  }
  if (words % 2 == 1) {
#pragma GCC unroll 4
    for (size_t step = 0; step < 4; ++step) pipeline.step(table + step, index + step * kVectors);
  }
  pipeline.end();
}
#endif

// A row's V vectors of lanes, from `to` on.
template <size_t V>
inline void block(size_t words, const Word* tables, const Indices& indices, int32_t* to) {
  Sums<V> sums;
  for (size_t v = 0; v < V; ++v) {
    sums.lower[v] = vdupq_n_u16(0);
    sums.upper[v] = vdupq_n_s16(0);
  }
  add_words(words, tables, indices, sums);
  for (size_t v = 0; v < V; ++v, to += kEight) {
    add_to(to, vget_low_u16(sums.lower[v]), vget_low_s16(sums.upper[v]));
    add_to(to + 4, vget_high_u16(sums.lower[v]), vget_high_s16(sums.upper[v]));
  }
}

// V vectors of lanes, all rows. A function of its own: its sums have all registers.
template <size_t V>
[[gnu::noinline]] void strip(size_t first_row, size_t rows, size_t words, const Word* tables,
                             size_t lanes, const uint32_t* b, const SumRows<int32_t>& s,
                             size_t offset) {
  Indices indices;
  for (size_t word = 0; word < words; ++word) {
    for (size_t v = 0; v < V; ++v)
      make_indices(b + word * lanes + v * kEight, v, indices.of + word * 4);
  }
  for (size_t r = 0; r < rows; ++r)
    block<V>(words, tables + r * words, indices,
             Begins<int32_t, 1>(s, first_row + r).of[0] + offset);
}

}  // namespace

void short_binary_neon(size_t rows, size_t terms, size_t lanes, const int16_t* g, const uint32_t* b,
                       const SumRows<int32_t>& s) {
  Word tables[kReady + 1];  // of the last, a plane is loaded, and not used
  for (size_t first = 0; first < terms; first += 32 * kWords, b += kWords * lanes) {
    const size_t words = (terms - first) / 32 < kWords ? (terms - first) / 32 : kWords;
    const size_t together = kReady / words;
    for (size_t r = 0; r < rows; r += together) {
      const size_t here = rows - r < together ? rows - r : together;
      for (size_t word = 0; word < here * words; ++word)
        make_tables(g + (r + word / words) * terms + first + word % words * 32, tables[word]);
      const auto strips = [&]<size_t V>(size_t& l, size_t& offset, size_t& n) {
        for (; n >= V * kEight; l += V * kEight, offset += V * kEight, n -= V * kEight)
          strip<V>(r, here, words, tables, lanes, b + l, s, offset);
      };
      each_lanes(s, lanes, kVectors * kEight, [&](size_t l, size_t offset, size_t n) {
        strips.template operator()<kVectors>(l, offset, n);
        strips.template operator()<4>(l, offset, n);
        strips.template operator()<2>(l, offset, n);
      });
    }
  }
}

}  // namespace edgebnn
