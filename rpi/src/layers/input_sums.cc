#include "layers/input_sums.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "kernels/binary_binary/binary_binary.h"
#include "layers/product.h"

namespace edgebnn {
namespace {

// a, b and c added bit by bit.
struct Added {
  uint64_t sum, carry;
};
Added add_bits(uint64_t a, uint64_t b, uint64_t c) {
  const uint64_t odd = a ^ b;
  return {odd ^ c, (a & b) | (odd & c)};
}

// planes[p], bit by bit, += bits·2^p.
void add_plane(uint64_t bits, size_t p, uint64_t* planes) {
  for (; bits != 0; ++p) {
    const uint64_t carry = planes[p] & bits;
    planes[p] ^= bits;
    bits = carry;
  }
}

// Counts, lane by lane, the bits of a column of words.
void count_bits(size_t rows, size_t apart, const uint64_t* in, uint64_t* planes) {
  uint64_t ones = planes[0], twos = planes[1], fours = planes[2];
  size_t r = 0;
  for (; r + 8 <= rows; r += 8, in += 8 * apart) {
    const auto pair = [&](size_t i) {
      const auto [sum, carry] = add_bits(ones, in[i * apart], in[(i + 1) * apart]);
      ones = sum;
      return carry;
    };
    const auto four = [&](size_t i) {
      const uint64_t first = pair(i);
      const auto [sum, carry] = add_bits(twos, first, pair(i + 2));
      twos = sum;
      return carry;
    };
    const uint64_t first = four(0);
    const auto [sum, carry] = add_bits(fours, first, four(4));
    fours = sum;
    add_plane(carry, 3, planes);
  }
  planes[0] = ones;
  planes[1] = twos;
  planes[2] = fours;
  for (; r < rows; ++r, in += apart) add_plane(*in, 0, planes);
}

// sums[k] += the sum of column k; terms is a multiple of 32.
void add_columns(size_t rows, size_t terms, const int16_t* in, int64_t* sums) {
  for (size_t k = 0; k < terms; k += 32) {
    int32_t some[32] = {};
    for (size_t r = 0; r < rows; ++r) {
      for (size_t j = 0; j < 32; ++j) some[j] += in[r * terms + k + j];
    }
    for (size_t j = 0; j < 32; ++j) sums[k + j] += some[j];
  }
}

// Of n outputs, those whose window has this tap on the map.
size_t count_on_map(int n, int stride, int before, int tap, int in) {
  size_t count = 0;
  for (int i = 0; i < n; ++i) {
    const int at = i * stride - before + tap;
    count += 0 <= at && at < in;
  }
  return count;
}

}  // namespace

void InputSums::begin(size_t part) const {
  std::memset(buffers_.products.at<void>(context_.arena, part), 0, input_sums_bytes(block_));
}

void InputSums::add(const InputRows& input, size_t part, Range rows) const {
  const size_t words = lanes_.words();
  auto* sums = buffers_.products.at<void>(context_.arena, part);
  auto* scratch = buffers_.input_rows.at<void>(context_.arena, part);
  Place place = place_of(block_.normed, rows.begin);
  for (size_t first = rows.begin, count = 0; first < rows.end; first += count) {
    count = std::min(buffers_.rows_forward, rows.end - first);
    if (block_.first) {
      const size_t terms = terms_for(block_.fan_in());
      auto* in = static_cast<int16_t*>(scratch);
      input.integers(place, count, {0, terms}, terms, in);
      add_columns(count, terms, in, static_cast<int64_t*>(sums));
    } else {
      auto* in = static_cast<uint64_t*>(scratch);
      input.words(place, count, {0, words}, words, in);
      for (size_t w = 0; w < words; ++w)
        count_bits(count, words, in + w, static_cast<uint64_t*>(sums) + w * kCountBits);
    }
  }
}

// Rows of a sample whose tap lies on the map; others have 0 there.
size_t InputSums::rows_with(size_t tap) const {
  const Window& w = block_.window;
  const auto width = static_cast<size_t>(w.width);
  return count_on_map(w.out.height, w.stride, w.pad_top, static_cast<int>(tap / width),
                      w.in.height) *
         count_on_map(w.out.width, w.stride, w.pad_left, static_cast<int>(tap % width), w.in.width);
}

// The sums of the inputs of a word, all threads': [64], 0 where a lane has no input.
void InputSums::sums_of(size_t word, size_t samples, int64_t* sums) const {
  std::fill_n(sums, 64, 0);
  for (size_t part = 0; part < context_.threads.count(); ++part) {
    if (block_.first) {
      const auto* of = buffers_.products.at<int64_t>(context_.arena, part) + word * 64;
      for (size_t j = 0; j < 64; ++j) sums[j] += of[j];
    } else {
      const auto* planes = buffers_.products.at<uint64_t>(context_.arena, part) + word * kCountBits;
      for (size_t p = 0; p < kCountBits; ++p) {
        if (planes[p] == 0) continue;
        for (size_t j = 0; j < 64; ++j) sums[j] += static_cast<int64_t>(planes[p] >> j & 1) << p;
      }
    }
  }
  if (block_.first) return;
  const size_t lane = word % lanes_.words_per_group * 64;
  const auto rows = static_cast<int64_t>(samples * rows_with(word / lanes_.words_per_group));
  for (size_t j = 0; j < 64; ++j) sums[j] = lane + j < lanes_.per_group ? 2 * sums[j] - rows : 0;
}

void InputSums::add_products(size_t samples, Range c, const uint64_t* packed, double* sum) const {
  // The first block's weights lie in halves of words, of which the last may be left out.
  const auto* halves = reinterpret_cast<const uint32_t*>(packed);
  const size_t words = lanes_.words(), across = product_stride(block_, c.size());
  const size_t there = terms_for(block_.fan_in()) / 32;
  const auto bits_of = [&](size_t word, size_t o) {
    if (!block_.first)
      return packed[(o / kUnitsTogether * words + word) * kUnitsTogether + o % kUnitsTogether];
    const uint64_t low = halves[word * 2 * across + o];
    return word * 2 + 1 == there
               ? low
               : low | static_cast<uint64_t>(halves[(word * 2 + 1) * across + o]) << 32;
  };
  for (size_t word = 0; word < words; ++word) {
    int64_t sums[64];
    sums_of(word, samples, sums);
    const int64_t all = std::accumulate(sums, sums + 64, int64_t{0});
    for (size_t o = 0; o < c.size(); ++o) {
      int64_t plus = 0;
      for (uint64_t bits = bits_of(word, o); bits != 0; bits &= bits - 1)
        plus += sums[std::countr_zero(bits)];
      sum[o] += static_cast<double>(2 * plus - all);
    }
  }
}

}  // namespace edgebnn
