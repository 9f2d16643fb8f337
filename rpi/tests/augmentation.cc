// Augmentation in place against its definition, one pixel at a time, and against the emulation's
// draws.
#include "augmentation.h"

#include <algorithm>
#include <vector>

#include "check.h"
#include "runs.h"

namespace edgebnn {
namespace {

using Image = std::vector<uint8_t>;

RunFile run_with(double shift, bool flip, bool zero_fill = false) {
  RunFile run;
  run.seed = 9;
  run.shift = shift;
  run.flip = flip;
  run.zero_fill = zero_fill;
  return run;
}

Image random_image(const Shape& shape) {
  tests::Random random(4);
  Image image(shape.size());
  for (uint8_t& value : image) value = static_cast<uint8_t>(random());
  return image;
}

// docs/numerics.md, "Augmentation".
Image by_definition(const Image& in, const Shape& shape, const RunFile& run, uint64_t epoch,
                    uint64_t position) {
  const Stream stream(run.seed, kAugmentation + epoch);
  const auto offset = [&](uint64_t index, int side) {
    const auto most = static_cast<int>(run.shift * side);
    const uint64_t high = stream.draw(3 * position + index) >> 32;
    return static_cast<int>(high * static_cast<uint64_t>(2 * most + 1) >> 32) - most;
  };
  const int dy = offset(0, shape.height), dx = offset(1, shape.width);
  const bool mirrored = run.flip && stream.draw(3 * position + 2) >> 63 == 1;
  Image out(in.size());
  for (int y = 0; y < shape.height; ++y) {
    for (int x = 0; x < shape.width; ++x) {
      const int y_there = y - dy, x_there = (mirrored ? shape.width - 1 - x : x) - dx;
      const int from_y = std::clamp(y_there, 0, shape.height - 1);
      const int from_x = std::clamp(x_there, 0, shape.width - 1);
      const bool empty = from_y != y_there || from_x != x_there;
      for (int c = 0; c < shape.channels; ++c) {
        const auto at = [&](int row, int column) {
          return static_cast<size_t>((row * shape.width + column) * shape.channels + c);
        };
        out[at(y, x)] = run.zero_fill && empty ? uint8_t{0} : in[at(from_y, from_x)];
      }
    }
  }
  return out;
}

TEST("augmentation: the definition, whatever the shape") {
  for (const Shape& shape : {Shape{32, 32, 3}, Shape{7, 13, 3}, Shape{13, 6, 1}, Shape{1, 9, 2},
                             Shape{8, 1, 4}, Shape{1, 1, 1}}) {
    const Image image = random_image(shape);
    for (const double shift : {0.0, 0.15, 0.3, 0.49}) {
      for (const int how : {0, 1, 2, 3}) {
        const RunFile run = run_with(shift, how % 2 != 0, how / 2 != 0);
        const Augmentation augmentation(run, shape, 4);
        size_t wrong = 0;
        for (uint64_t position = 100; position < 140; ++position) {
          Image found = image;
          augmentation.apply(position, found.data());
          wrong += found != by_definition(image, shape, run, 4, position);
        }
        EQUAL(wrong, size_t{0});
      }
    }
  }
}

TEST("augmentation: epochs and positions differ") {
  const Shape shape{32, 32, 3};
  const RunFile run = run_with(0.15, true);
  Image first = random_image(shape), epoch = first, position = first;
  Augmentation(run, shape, 0).apply(0, first.data());
  Augmentation(run, shape, 1).apply(0, epoch.data());
  Augmentation(run, shape, 0).apply(1, position.data());
  EQUAL(first == epoch, false);
  EQUAL(first == position, false);
}

// A row of 20 whose pixels are numbered, at positions 0 to 5: what augment(..., seed=9, epoch=4,
// shift=0.15, flip=True) of the emulation makes of its pixel 5.
TEST("augmentation: the emulation's vectors") {
  const Shape shape{1, 20, 1};
  const Augmentation augmentation(run_with(0.15, true), shape, 4);
  const int expected[] = {12, 2, 7, 7, 3, 11};
  for (uint64_t position = 0; position < 6; ++position) {
    Image image(20);
    for (size_t x = 0; x < image.size(); ++x) image[x] = static_cast<uint8_t>(x);
    augmentation.apply(position, image.data());
    EQUAL(int{image[5]}, expected[position]);
  }
}

}  // namespace
}  // namespace edgebnn
