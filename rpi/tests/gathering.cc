#include "layers/input_rows.h"
#include "passes.h"
#include "storage.h"

namespace edgebnn {
namespace {

using namespace tests;

TEST("centred pixels: every variant is the definition") {
  for (const size_t n : {0, 1, 9, 15, 16, 17, 64, 784}) {
    Drawn drawn(n);
    const auto u = drawn.bytes(n);
    each_variant([&](const Kernels& kernels, const Kernels& scalar) {
      std::vector<int16_t> one(n + 1, 9), other = one;
      scalar.centre_pixels(n, u.data(), one.data());
      kernels.centre_pixels(n, u.data(), other.data());
      EQUAL(same_bytes(one, other), true);
    });
  }
}

TEST("transposed bits: every variant is the definition") {
  for (const size_t words : {2, 4, 6, 8, 10, 14, 16, 18, 32, 46}) {
    Drawn drawn(words);
    const auto rows =
        drawn.many<uint32_t>(32 * words, [&] { return static_cast<uint32_t>(drawn.bits()); });
    each_variant([&](const Kernels& kernels, const Kernels& scalar) {
      auto one = rows, other = rows;
      scalar.transpose_bits(words, one.data());
      kernels.transpose_bits(words, other.data());
      EQUAL(same_bytes(one, other), true);
      for (size_t w = 0; w < words; ++w)
        EQUAL(one[7 * words + w] >> 19 & 1, rows[19 * words + w] >> 7 & 1);
    });
  }
}

TEST("bytes in another order: every variant is the definition") {
  for (const size_t n : {1, 63, 64, 65, 128, 130, 300, 1024}) {
    for (const size_t terms : {0, 32, 64, 96, 352}) {
      Drawn drawn(n + terms);
      const size_t rows = 6, stride = n + 3;
      const auto k =
          drawn.many<int8_t>(rows * stride, [&] { return static_cast<int8_t>(drawn.integer(31)); });
      const auto order = drawn.many<uint32_t>(terms, [&] {
        return drawn.bits() % 5 == 0 ? kNothing : static_cast<uint32_t>(drawn.bits() % n);
      });
      each_variant([&](const Kernels& kernels, const Kernels& scalar) {
        std::vector<int8_t> one(rows * terms + 1, 9), other = one;
        scalar.reorder(rows, n, k.data(), stride, terms, order.data(), one.data());
        kernels.reorder(rows, n, k.data(), stride, terms, order.data(), other.data());
        EQUAL(same_bytes(one, other), true);
        for (size_t j = 0; j < terms; ++j)
          EQUAL(one[5 * terms + j], order[j] == kNothing ? 0 : k[5 * stride + order[j]]);
      });
    }
  }
}

TEST("widened gradients, by rows and by columns: every variant is the definition") {
  for (const Format format : {Format::f32, Format::f16, Format::i16, Format::i8, Format::i6}) {
    for (const size_t n : kChannels) {
      Drawn drawn(n);
      const size_t stride = n + 3, rows = kColumnRows;
      std::vector<uint8_t> k(bytes_for(format, rows * stride));
      for (size_t i = 0; i < rows * stride; ++i) {
        const auto x = static_cast<float>(drawn.integer(31));
        store(format, k.data(), i, 1, &x);
      }
      const auto factor = drawn.many<float>(n, [&] { return 1 << drawn.bits() % 9; });
      const bool bytes = bytes_of(format) == 1;
      each_variant([&](const Kernels& kernels, const Kernels& scalar) {
        for (const float* by : {static_cast<const float*>(nullptr), factor.data()}) {
          std::vector<uint8_t> one(rows * (n + 1) * 4 + 4, 9), other = one;
          const float* times = bytes ? by : nullptr;
          scalar.widen_rows(rows, n, format, k.data(), stride, times, one.data(), n + 1);
          kernels.widen_rows(rows, n, format, k.data(), stride, times, other.data(), n + 1);
          EQUAL(same_bytes(one, other), true);
        }
        const void* at[kColumnRows];
        for (size_t j = 0; j < rows; ++j)
          at[j] = j == 5 ? nullptr : k.data() + bytes_for(format, j * stride);
        std::vector<uint8_t> one(n * 12 * 4, 9), other = one;
        scalar.widen_columns(n, format, at, one.data(), 12);
        kernels.widen_columns(n, format, at, other.data(), 12);
        EQUAL(same_bytes(one, other), true);
      });
    }
  }
}

// Items of a row: those under its taps, `per_tap` each, 0 where a tap lies outside.
template <class T, class Map>
std::vector<T> items_of(const Window& w, const Place& place, size_t per_tap, const Map& map) {
  std::vector<T> items;
  for (int y = 0; y < w.height; ++y) {
    for (int x = 0; x < w.width; ++x) {
      const int at_y = place.y * w.stride - w.pad_top + y;
      const int at_x = place.x * w.stride - w.pad_left + x;
      const bool there = 0 <= at_y && at_y < w.in.height && 0 <= at_x && at_x < w.in.width;
      const size_t position = place.sample * w.in.positions() +
                              (there ? static_cast<size_t>(at_y * w.in.width + at_x) : 0);
      for (size_t i = 0; i < per_tap; ++i)
        items.push_back(there ? static_cast<T>(map(position * per_tap + i)) : T{0});
    }
  }
  return items;
}

// A window over three samples of noise, as bits and as pixels.
struct Gathered {
  Block block;
  const Window& w = block.window;
  size_t per_tap, channels;
  Drawn drawn{7};
  std::vector<uint8_t> images;
  std::vector<uint64_t> bits;

  explicit Gathered(const Window& window)
      : block([&] {
          Block b;
          b.window = window;
          return b;
        }()),
        per_tap(words_for(static_cast<size_t>(window.in.channels))),
        channels(static_cast<size_t>(window.in.channels)),
        images(drawn.bytes(3 * w.in.size())),
        bits(drawn.many<uint64_t>(3 * w.in.positions() * per_tap, [&] { return drawn.bits(); })) {}

  InputRows rows(const Kernels& kernels) const {
    return {kernels, block, {images.data(), bits.data()}};
  }
  std::vector<uint64_t> words(const Place& place) const {
    return items_of<uint64_t>(w, place, per_tap, [&](size_t at) { return bits[at]; });
  }
  std::vector<int16_t> pixels(const Place& place) const {
    return items_of<int16_t>(w, place, channels, [&](size_t at) { return 2 * images[at] - 255; });
  }
};

// gather(apart, out) gathers the items asked for of the rows at these places: as they should be,
// with zeros behind a row's last, and what lies between rows left alone.
template <class T, class Gather, class ItemsAt>
void check(const std::vector<Place>& places, Range asked, const ItemsAt& items_at,
           Gather&& gather) {
  const size_t apart = asked.size() + 3;
  std::vector<T> found(places.size() * apart, 9), wanted = found;
  gather(apart, found.data());
  for (size_t r = 0; r < places.size(); ++r) {
    std::vector<T> items = items_at(places[r]);
    items.resize(std::max(items.size(), asked.end));
    std::copy(items.begin() + static_cast<ptrdiff_t>(asked.begin),
              items.begin() + static_cast<ptrdiff_t>(asked.end),
              wanted.begin() + static_cast<ptrdiff_t>(r * apart));
  }
  EQUAL(same_bytes(found, wanted), true);
}

TEST("input rows: over the ends of lines, and every other one of a line") {
  const Window windows[] = {
      {{5, 6, 70}, {5, 6, 1}, 3, 3, 1, 1, 1},   {{6, 5, 64}, {4, 3, 1}, 3, 3, 1, 0, 0},
      {{7, 7, 130}, {4, 4, 1}, 5, 5, 2, 2, 2},  {{4, 9, 300}, {1, 4, 1}, 3, 3, 2, 0, 0},
      {{3, 3, 1}, {3, 3, 1}, 1, 1, 1, 0, 0},    {{2, 2, 200}, {1, 1, 1}, 2, 2, 1, 0, 0},
      {{9, 40, 3}, {7, 38, 1}, 3, 3, 1, 0, 0},  {{3, 3, 260}, {3, 3, 1}, 3, 3, 1, 1, 1},
      {{4, 100, 9}, {2, 98, 1}, 3, 3, 1, 0, 0}, {{2, 40, 20}, {1, 13, 1}, 2, 4, 3, 0, 0}};
  for (const Window& window : windows) {
    Gathered o(window);
    const auto words_at = [&](const Place& place) { return o.words(place); };
    const auto pixels_at = [&](const Place& place) { return o.pixels(place); };
    const size_t n = o.block.window.taps() * o.per_tap, all = 3 * window.out.positions();
    const Range words{n / 3, n}, lanes{o.block.fan_in() / 4, o.block.fan_in() + 5};
    each_variant([&](const Kernels& kernels) {
      const InputRows rows = o.rows(kernels);
      for (const size_t from : {size_t{0}, all / 2, all - 1}) {
        std::vector<Place> places;
        for (size_t row = from; row < all; ++row) places.push_back(place_of(window.out, row));
        Place place = places[0];
        check<uint64_t>(places, words, words_at, [&](size_t apart, uint64_t* out) {
          rows.words(place, places.size(), words, apart, out);
        });
        EQUAL(place.sample, 3u);
        place = places[0];
        check<int16_t>(places, lanes, pixels_at, [&](size_t apart, int16_t* out) {
          rows.integers(place, places.size(), lanes, apart, out);
        });
        EQUAL(place.sample, 3u);
      }
      std::vector<Place> places;
      for (int x = window.out.width > 1 ? 1 : 0; x < window.out.width; x += 2)
        places.push_back({1, window.out.height - 1, x});
      const InputRows::Line line{places[0], places.size(), 2};
      check<uint64_t>(places, words, words_at,
                      [&](size_t apart, uint64_t* out) { rows.words(line, words, apart, out); });
      check<int16_t>(places, lanes, pixels_at,
                     [&](size_t apart, int16_t* out) { rows.integers(line, lanes, apart, out); });
    });
  }
}

}  // namespace
}  // namespace edgebnn
