// Sums of four terms are looked up instead of added: TBL, in two planes of bytes, the lower
// unsigned and the upper signed. A table holds two groups of four, an index vector both groups of
// eight lanes side by side: so one UADALP or SADALP adds the pair to the lane's halfword.
#include <arm_neon.h>

#include "kernels/short_binary/short_binary.h"
#include "kernels/short_binary/tables_neon.h"

namespace edgebnn {
namespace {

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

#if defined(__aarch64__)
// Two vectors that lie side by side, loaded here, by one instruction.
inline void load_two(const uint8_t (*from)[16], uint8x16_t& first, uint8x16_t& second) {
  first = vld1q_u8(from[0]);
  second = vld1q_u8(from[1]);
  asm volatile("" : "+w"(first), "+w"(second)::"memory");
}

// One row times eight vectors of lanes, without a core that runs in order waiting for a load: each
// is made a while before it is used, and a sum is found four sums before it is added. What is found
// in the upper plane takes its index's register, so that all of it fits: 16 sums, 8 indices, 4
// vectors of tables, 4 of what was found.
class Pipeline {
 public:
  using Vector = uint8_t[16];

  // index: [8], of the first step; as step() has it, from the fifth on.
  inline Pipeline(const Table* table, const Vector* index, Sums<8>& sums) : sums_(sums) {
    lower_ = load(table->lower);
    for (size_t v = 0; v < 4; ++v) at_[v] = vld1q_u8(index[v]);
    for (size_t v = 4; v < 8; ++v) at_[v] = vdupq_n_u8(0);  // nothing is found yet
  }

  // Behind a step's table lies the next step's. index: of vectors 4 to 7, and then 0 to 3 of the
  // next step; from here a load of two reaches all of eight steps.
  [[gnu::always_inline]] inline void step(const Table* table, const Vector* index) {
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

[[gnu::always_inline]] inline void add_by_pipeline(size_t words, const Word* tables,
                                                   const Index* indices, Sums<8>& sums) {
  const Table* table = tables->steps;
  Pipeline pipeline(table, indices[0], sums);
  const Pipeline::Vector* index = indices[0] + 4;
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

// One row times V vectors of lanes. A plane's sums are made before the next plane is loaded: the
// scheduler would load more than registers hold. Over: a function for each kind of strip, since the
// compiler takes in what is called once.
template <size_t V, bool Over>
inline void add_words(size_t words, const Word* tables, const Index* index, Sums<V>& sums) {
#if defined(__aarch64__)
  if constexpr (V == 8) return add_by_pipeline(words, tables, index, sums);
#endif
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

// A row's V vectors of lanes, from `to` on.
template <size_t V, bool Over>
inline void block(size_t words, const Word* tables, const Index* indices, int32_t* to) {
  Sums<V> sums;
  for (size_t v = 0; v < V; ++v) {
    sums.lower[v] = vdupq_n_u16(0);
    sums.upper[v] = vdupq_n_s16(0);
  }
  add_words<V, Over>(words, tables, indices, sums);
  for (size_t v = 0; v < V; ++v, to += kEight) {
    add_to(to, vget_low_u16(sums.lower[v]), vget_low_s16(sums.upper[v]));
    add_to(to + 4, vget_high_u16(sums.lower[v]), vget_high_s16(sums.upper[v]));
  }
}

// Rows of a line of a map begin `step` apart and are longer: `taps` at most meet in the same lanes,
// each with other ones of its own. What they add there is added up first, as if they were one row.
struct Overlap {
  size_t step, taps;
};

// V vectors of lanes, all rows. A function of its own: its sums have all registers.
template <size_t V, bool Over>
[[gnu::noinline]] void strip(size_t first_row, size_t rows, size_t words, const Word* tables,
                             size_t lanes, const uint32_t* b, const SumRows<int32_t>& s,
                             size_t offset, Overlap overlap) {
  const size_t step = overlap.step, taps = Over ? overlap.taps : 1;
  Indices indices;
  Nibbles nibbles;
  // As the rows whose tables they go with: the last tap is of the first.
  for (size_t tap = 0; tap < taps; ++tap) {
    for (size_t word = 0; word < words; ++word) {
#pragma GCC unroll 8
      for (size_t v = 0; v < V; ++v)
        nibbles.make(b + tap * step + word * lanes + v * kEight, v,
                     indices.of + ((taps - 1 - tap) * words + word) * 4);
    }
  }
  for (size_t row = 0, line = 1; row < rows; row += line, line = 1) {
    const size_t at = first_row + row;
    while (taps > 1 && row + line < rows && s.begins[at + line] - s.begins[at + line - 1] == step)
      ++line;
    int32_t* to = Begins<int32_t, 1>(s, at).of[0] + offset;
    for (size_t end = 1; end < line + taps; ++end, to += step) {
      const size_t first = end < taps ? 0 : end - taps, last = end < line ? end : line;
      block<V, Over>((last - first) * words, tables + (row + first) * words,
                     indices.of + (taps - end + first) * words * 4, to);
    }
  }
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
      const size_t step = s.begins != nullptr && here > 1 ? s.begins[r + 1] - s.begins[r] : 0;
      // Of a whole run.
      each_lanes(s, lanes, lanes, [&](size_t l, size_t offset, size_t n) {
        const bool over = step > 0 && step < n && (step | n) % kLanesTogether == 0 &&
                          (n + step - 1) / step * words <= kOver;
        const size_t end = l + (over ? step : n), all = l + n;
        const auto strips = [&]<size_t V, bool Over>() {
          for (; end - l >= V * kEight; l += V * kEight, offset += V * kEight) {
            const Overlap overlap{step, Over ? (all - l + step - 1) / step : 1};
            strip<V, Over>(r, here, words, tables, lanes, b + l, s, offset, overlap);
          }
        };
        if (over) return strips.template operator()<kVectors, true>();
        strips.template operator()<kVectors, false>();
        strips.template operator()<4, false>();
        strips.template operator()<2, false>();
      });
    }
  }
}

}  // namespace edgebnn
