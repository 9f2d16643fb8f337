#include "layers/input_gradient.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "layers/packed_weights.h"
#include "layers/pool.h"

namespace edgebnn {

void pack_for_dx(const Block& block, const BlockBuffers& buffers, const Context& context) {
  Arena& arena = context.arena;
  auto* packed = arena.at<uint32_t>(buffers.packed_backward);
  const bool bytes = context.gradients.in_bytes();
  const ChannelOrder order = bytes ? context.gradients.order() : ChannelOrder{};
  const size_t parts = context.threads.count();
  context.threads.each([&](size_t part) {
    pack_backward(context.kernels, block, buffers.weight_format, arena.at(buffers.weights),
                  part_of(squares(block), part, parts), buffers.parts_dx, bytes ? &order : nullptr,
                  buffers.unit_columns.at<uint32_t>(arena, part), packed);
  });
}

void InputGradient::run(size_t samples) {
  if (context_.gradients.in_bytes()) {
    run_as<int8_t, int32_t>(samples);
  } else if (context_.gradients.shared()) {
    run_as<int16_t, int32_t>(samples);
  } else {
    run_as<float, double>(samples);
  }
}

// Each sample is read whole before it is overwritten.
template <class G, class S>
void InputGradient::run_as(size_t samples) {
  const size_t at_once = largest_part(samples, context_.threads.count());
  context_.threads.share(samples, std::min(buffers_.samples_dx, at_once),
                         [&](size_t part, Range some) {
                           auto* dx = buffers_.samples.at<S>(context_.arena, part);
                           compute<G, S>(some, part, dx);
                           for (size_t sample = some.begin; sample < some.end; ++sample)
                             replace(sample, part, dx + (sample - some.begin) * map_.size());
                         });
}

// dX of samples: [samples][map_].
template <class G, class S>
void InputGradient::compute(Range samples, size_t part, S* dx) const {
  const Window& w = block_.window;
  const GradientMap& map = context_.gradients;
  constexpr bool kBytes = std::is_same_v<G, int8_t>;
  const ChannelOrder order = kBytes ? map.order() : ChannelOrder{};
  const size_t units = block_.units(), positions = w.out.positions();
  const size_t terms = kBytes ? order.terms : terms_for(units);
  auto* g = buffers_.gradients.at<G>(context_.arena, part);
  std::memset(dx, 0, samples.size() * map_.size() * sizeof(S));
  if (!kBytes && terms > units) std::memset(g, 0, buffers_.rows_dx * terms * sizeof(G));
  const size_t rows = samples.size() * positions;
  size_t begins[kRowsOfDx];
  Place place{};
  for (size_t first = 0, count = 0; first < rows; first += count) {
    count = std::min(buffers_.rows_dx, rows - first);
    // Reals are added up in the same order whatever samples lie together.
    if (!map.shared() && positions > 1) count = std::min(count, positions - first % positions);
    for (size_t done = 0; done < count;) {
      const auto [k, there] = map.rows(samples.begin * positions + first + done, w.out, {0, units});
      const size_t some = std::min(there, count - done);
      if constexpr (kBytes) {
        context_.kernels.reorder(some, units, static_cast<const int8_t*>(k.k), k.stride, terms,
                                 order.channels, g + done * terms);
      } else {
        context_.kernels.widen_rows(some, units, k.format, k.k, k.stride, map.to_aligned(),
                                    g + done * terms, terms);
      }
      done += some;
    }
    for (size_t m = 0; m < count; ++m, advance(place, w.out))
      begins[m] = place.sample * map_.size() + map_.at(place.y * w.stride, place.x * w.stride);
    const auto* packed = context_.arena.at<uint32_t>(buffers_.packed_backward);
    for (size_t word = 0; word < lanes_.words();) {
      const Range words = buffers_.parts_dx.of(word);
      const size_t lanes = words.size() * 64;
      const SumRows<S> sums = sums_of(words, begins, dx);
      if constexpr (kBytes) {
        context_.kernels.byte_binary(count, terms, lanes, g, order.shifts, packed, sums);
      } else if constexpr (std::is_same_v<G, float>) {
        context_.kernels.real_binary(count, terms, lanes, g, packed, sums);
      } else {
        context_.kernels.short_binary(count, terms, lanes, g, packed, sums);
      }
      packed += terms / 32 * lanes;
      word = words.end;
    }
  }
}

// Where those of words of a window lie whose first tap lies at `begins`: a line of taps is a run.
template <class S>
SumRows<S> InputGradient::sums_of(Range words, const size_t* begins, S* dx) const {
  const size_t line = buffers_.parts_dx.line, y = words.begin / line;
  S* const first = dx + map_.at(static_cast<int>(y), 0) + words.begin % line * 64;
  return {first, 0, begins, line * 64, map_.at(1, 0)};
}

// dX' of a sample into the map.
void InputGradient::replace(size_t sample, size_t part, const void* dx) const {
  GradientMap& map = context_.gradients;
  const size_t units = below_.units();
  if (map.shared()) {
    map.begin_sample(part);
    each_kept(sample, part, dx, [&](size_t rows, size_t, size_t, const InputGradientSums& sums) {
      context_.kernels.straight_through_largest(rows, units, sums, map.largest(part));
    });
    map.fix_exponents_of_sample(part, sample);
  }
  each_kept(sample, part, dx,
            [&](size_t rows, size_t first, size_t apart, const InputGradientSums& sums) {
              context_.kernels.straight_through_store(rows, units, sums,
                                                      map.rows_to(sample, first, apart, units));
            });
}

// Calls body(rows, first, apart, sums) for rows of dX' of the block below, positions first, first +
// apart, ... of the sample: with their bits, and behind a pool spread over its winners. dx: [map_].
template <class Body>
void InputGradient::each_kept(size_t sample, size_t part, const void* dx, Body&& body) const {
  Arena& arena = context_.arena;
  const size_t units = below_.units(), words = words_for(units), bytes = words * 8;
  const size_t positions = below_.normed.positions();
  const float unit = context_.gradients.shared() ? context_.gradients.aligned_unit() : 1.0f;
  const auto* inside = buffers_below_.inside
                           ? arena.at<uint64_t>(*buffers_below_.inside) + sample * positions * words
                           : nullptr;
  const auto bits = [&](const uint64_t* of) {
    return BitRows{reinterpret_cast<const uint8_t*>(of), bytes};
  };
  // Of a line of the map.
  const auto sums = [&](size_t line, const BitRows& kept) {
    const Window& w = block_.window;
    const size_t at = map_.at(static_cast<int>(line) + w.pad_top, w.pad_left);
    return InputGradientSums{static_cast<const uint8_t*>(dx) + at * buffers_.sum_bytes, map_.lanes,
                             unit, kept};
  };
  const auto width = static_cast<size_t>(below_.normed.width);
  const auto height = static_cast<size_t>(below_.normed.height);
  if (!below_.pool_after.present) {
    // Lines without padding lie one behind the other.
    const size_t together = map_.width == width ? height : 1;
    for (size_t y = 0; y < height; y += together) {
      const size_t first = y * width;
      body(together * width, first, size_t{1},
           sums(y, bits(inside == nullptr ? nullptr : inside + first * words)));
    }
    return;
  }
  const auto* signs = arena.at<uint64_t>(buffers_below_.signs) + sample * positions * words;
  auto* masks = buffers_.winners_of_row->at<uint64_t>(arena, part);
  const auto across = static_cast<size_t>(below_.out.width);
  for (size_t y = 0; y < static_cast<size_t>(below_.out.height); ++y) {
    winning_signs(below_, signs, inside, y, masks);
    for (size_t k = 0; k < 4; ++k) {
      body(across, window_position(y * across, k, width, across), size_t{2},
           sums(y, bits(masks + k * across * words)));
    }
  }
  // A last odd row and column are in no window.
  std::memset(masks, 0, bytes);
  const InputGradientSums none{dx, 0, unit, {reinterpret_cast<const uint8_t*>(masks), 0}};
  if (width % 2 == 1) {
    for (size_t y = 0; y < height; ++y) body(size_t{1}, y * width + width - 1, size_t{1}, none);
  }
  if (height % 2 == 1) body(width, (height - 1) * width, size_t{1}, none);
}

}  // namespace edgebnn
