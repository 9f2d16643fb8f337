// Both max-pools against their definition: odd sizes, equal values, pad bits.
#include "layers/pool.h"

#include <algorithm>
#include <vector>

#include "check.h"
#include "runs.h"

using namespace edgebnn;
using tests::between;

namespace {

constexpr size_t kSizes[][2] = {{2, 2}, {5, 7}, {4, 9}, {7, 4}};
constexpr int kUnits[] = {3, 4, 65};

RunFile run_of(size_t height, size_t width, int units, const char* place, Switches switches) {
  const std::string conv = "conv " + std::to_string(units) + " 3 1 same";
  std::vector<std::string> layers = {conv,      "batch_norm", "sign",
                                     "flatten", "dense 3",    "batch_norm"};
  layers.insert(layers.begin() + (place == std::string("before") ? 1 : 3), "max_pool 2");
  RunFile run = tests::run_of({static_cast<int>(height), static_cast<int>(width), 1}, layers, 3);
  run.switches = switches;
  return run;
}

// The four places of a pooled position's window, row by row.
size_t place_of(size_t p, size_t k, size_t width) {
  const size_t pooled_width = width / 2;
  return (p / pooled_width * 2 + k / 2) * width + p % pooled_width * 2 + k % 2;
}

void before(size_t height, size_t width, int units_, Switches switches) {
  tests::Bench bench(run_of(height, width, units_, "before", switches));
  const auto units = static_cast<size_t>(units_);
  const size_t full = height * width, pooled = (height / 2) * (width / 2);
  const Block& block = bench.network.blocks[0];
  const BlockBuffers& buffers = bench.plan.blocks[0];
  tests::Random random(units);
  // Few different values, so that windows have equals.
  std::vector<std::vector<int32_t>> y(3, std::vector<int32_t>(full * units));
  bench.arena.enter(0);
  for (auto& sample : y) {
    for (int32_t& value : sample) value = between(random, -2, 2);
  }
  std::vector<int32_t> window(4 * units);

  std::vector<std::vector<float>> expected(3, std::vector<float>(full * units, 0.0f));
  std::vector<float> found(full * units), gradient(pooled * units);
  for (size_t b = 0; b < 3; ++b) {
    for (size_t p = 0; p < pooled; ++p) {
      for (size_t k = 0; k < 4; ++k)
        std::copy_n(&y[b][place_of(p, k, width) * units], units, &window[k * units]);
      bench.context.kernels.max_pool(
          1, units, units, window.data(), window.data(),
          bench.arena.at(*buffers.winners) + (b * pooled + p) * winner_bytes(units), 0);
      for (size_t c = 0; c < units; ++c) {
        size_t winner = 0;
        for (size_t k = 1; k < 4; ++k) {
          if (y[b][place_of(p, k, width) * units + c] >
              y[b][place_of(p, winner, width) * units + c])
            winner = k;
        }
        EQUAL(window[c], y[b][place_of(p, winner, width) * units + c]);
        const float g = static_cast<float>(between(random, -99, 99)) / 8;
        gradient[p * units + c] = g;
        expected[b][place_of(p, winner, width) * units + c] = g;
      }
    }
    store(switches.gradients, bench.sample_of_map(b), 0, pooled * units, gradient.data());
  }
  bench.enter_weights_of(0);
  spread_to_winners(block, buffers, bench.context, 3);
  for (size_t b = 0; b < 3; ++b) {
    load(switches.gradients, bench.sample_of_map(b), 0, full * units, found.data());
    for (size_t i = 0; i < full * units; ++i) EQUAL(found[i], expected[b][i]);
  }
}

void after(size_t height, size_t width, int units_) {
  tests::Bench bench(run_of(height, width, units_, "after", Switches{}));
  const Block& block = bench.network.blocks[0];
  const auto units = static_cast<size_t>(units_);
  const size_t full = height * width, pooled = (height / 2) * (width / 2);
  const size_t words = words_for(units), samples = 2;
  tests::Random random(units + 1);
  std::vector<uint64_t> signs(samples * full * words), found(samples * pooled * words);
  std::vector<bool> sign(samples * full * units);
  for (size_t row = 0; row < samples * full; ++row) {
    for (size_t c = 0; c < units; ++c) {
      sign[row * units + c] = between(random, 0, 3) == 0;
      if (sign[row * units + c]) signs[row * words + c / 64] |= uint64_t{1} << (c % 64);
    }
  }
  pool_signs(block, signs.data(), found.data(), {0, samples});
  const size_t across = width / 2;
  std::vector<uint64_t> masks(4 * across * words), inside(full * words);
  for (uint64_t& word : inside) word = random();
  for (size_t b = 0; b < samples; ++b) {
    for (size_t p = 0; p < pooled; ++p) {
      for (size_t c = 0; c < words * 64; ++c) {
        size_t winner = 0;
        bool any = false;
        for (size_t k = 4; k-- > 0 && c < units;) {
          if (!sign[(b * full + place_of(p, k, width)) * units + c]) continue;
          any = true;
          winner = k;
        }
        // Pad bits stay zero.
        EQUAL(bool(found[(b * pooled + p) * words + c / 64] >> (c % 64) & 1), any);
        if (p % across == 0 && c == 0) {
          winning_signs(block, signs.data() + b * full * words, b == 0 ? nullptr : inside.data(),
                        p / across, masks.data());
        }
        for (size_t k = 0; k < 4 && c < units; ++k) {
          const size_t word = words * place_of(p, k, width) + c / 64;
          const bool kept = b == 0 || (inside[word] >> (c % 64) & 1);
          const uint64_t mask = masks[(k * across + p % across) * words + c / 64];
          EQUAL(bool(mask >> (c % 64) & 1), k == winner && kept);
        }
      }
    }
  }
}

}  // namespace

TEST(
    "pool before the norm: largest of the window, the first of equals wins and gets the gradient") {
  for (const auto& [height, width] : kSizes) {
    for (const int units : kUnits) {
      before(height, width, units, Switches{});
      before(height, width, units, tests::standard());
    }
  }
}

TEST("pool behind the sign: any +1 of the window, the first of them wins") {
  for (const auto& [height, width] : kSizes) {
    for (const int units : kUnits) after(height, width, units);
  }
}
