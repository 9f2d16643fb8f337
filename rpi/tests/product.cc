// Convolutions and dense layers against nested loops over their definition.
#include <algorithm>
#include <vector>

#include "check.h"
#include "layers/forward.h"
#include "layers/input_gradient.h"
#include "layers/weight_gradient.h"
#include "runs.h"

using namespace edgebnn;
using tests::between;

namespace {

// Keeps the gradient in the place of the momentum, and moves nothing.
class Keep : public Optimizer {
 public:
  using Optimizer::Optimizer;
  void update_beta(const Block&, const BlockBuffers&, const double*, Arena&) const override {}

 protected:
  UpdateRule rule(float) const override { return {.take = 1}; }
};

// One weighted layer in its arena, against loops over its definition. Gradients are multiples of
// 1/8 and all sums exact, so results agree to the bit.
class Trial {
 public:
  Trial(RunFile run, size_t l, const Kernels& kernels, size_t threads)
      : bench_(std::move(run), threads, kernels),
        l_(l),
        block_(bench_.network.blocks[l]),
        buffers_(bench_.plan.blocks[l]),
        window_(block_.window),
        optimizer_(bench_.run),
        x_(bench_.batch() * window_.in.size()),
        w_(block_.weights()),
        g_(bench_.batch() * window_.out.size()),
        random_(l + 1) {
    fill();
  }

  void check() {
    bench_.arena.enter(static_cast<int>(l_));
    put_weights();
    Forward(block_, buffers_, bench_.context).run(input_, bench_.batch(), true);
    check_forward();
    bench_.enter_weights_of(l_);
    put_gradient();
    WeightGradient(block_, buffers_, bench_.context, optimizer_, l_).run(input_, bench_.batch());
    check_weight_gradient();
    if (block_.first) return;
    bench_.enter_inputs_of(l_);
    InputGradient(block_, buffers_, bench_.network.blocks[l_ - 1], bench_.plan.blocks[l_ - 1],
                  bench_.context)
        .run(bench_.batch());
    for (size_t b = 0; b < bench_.batch(); ++b) check_input_gradient(b);
  }

 private:
  void fill() {
    const auto channels = static_cast<size_t>(window_.in.channels), words = words_for(channels);
    images_.resize(x_.size());
    bits_.resize(bench_.batch() * window_.in.positions() * words);
    for (size_t i = 0; i < x_.size(); ++i) {
      if (block_.first) {
        images_[i] = static_cast<uint8_t>(random_());
        x_[i] = 2 * images_[i] - 255;
      } else {
        x_[i] = random_() >> 40 & 1 ? 1 : -1;
        const size_t c = i % channels;
        if (x_[i] > 0) bits_[i / channels * words + c / 64] |= uint64_t{1} << (c % 64);
      }
    }
    for (float& w : w_) w = static_cast<float>(between(random_, -3, 3)) / 4;
    for (float& g : g_) g = static_cast<float>(between(random_, -64, 64)) / 8;
    input_ =
        block_.first ? ProductInput{images_.data(), nullptr} : ProductInput{nullptr, bits_.data()};
  }

  void put_weights() {
    store(bench_.run.switches.weights, bench_.arena.at(buffers_.weights), 0, w_.size(), w_.data());
  }

  void put_gradient() {
    const size_t size = window_.out.size();
    for (size_t b = 0; b < bench_.batch(); ++b)
      store(bench_.run.switches.gradients, bench_.sample_of_map(b), 0, size, &g_[b * size]);
  }

  // Calls body(output position, input index, weight row) for every value that a sample's outputs
  // read; what lies outside the map is left out.
  template <class Body>
  void each_read(Body&& body) const {
    for (int y = 0; y < window_.out.height; ++y) {
      for (int x = 0; x < window_.out.width; ++x) {
        for (int ky = 0; ky < window_.height; ++ky) {
          for (int kx = 0; kx < window_.width; ++kx) {
            const int iy = y * window_.stride - window_.pad_top + ky;
            const int ix = x * window_.stride - window_.pad_left + kx;
            if (iy < 0 || ix < 0 || iy >= window_.in.height || ix >= window_.in.width) continue;
            for (int c = 0; c < window_.in.channels; ++c) {
              body(static_cast<size_t>(y * window_.out.width + x),
                   static_cast<size_t>((iy * window_.in.width + ix) * window_.in.channels + c),
                   static_cast<size_t>((ky * window_.width + kx) * window_.in.channels + c));
            }
          }
        }
      }
    }
  }

  int sign(size_t j) const { return w_[j] >= 0 ? 1 : -1; }

  void check_forward() {
    const size_t units = block_.units(), size = window_.out.size();
    std::vector<int> expected(size);
    std::vector<float> found(size);
    for (size_t b = 0; b < bench_.batch(); ++b) {
      std::fill(expected.begin(), expected.end(), 0);
      each_read([&](size_t out, size_t in, size_t row) {
        for (size_t o = 0; o < units; ++o)
          expected[out * units + o] += x_[b * window_.in.size() + in] * sign(row * units + o);
      });
      load(buffers_.product_format, bench_.sample_of_map(b), 0, size, found.data());
      for (size_t i = 0; i < size; ++i) EQUAL(found[i], static_cast<float>(expected[i]));
    }
  }

  void check_weight_gradient() {
    const size_t units = block_.units();
    std::vector<double> expected(w_.size());
    for (size_t b = 0; b < bench_.batch(); ++b) {
      each_read([&](size_t out, size_t in, size_t row) {
        for (size_t o = 0; o < units; ++o) {
          expected[row * units + o] +=
              x_[b * window_.in.size() + in] *
              static_cast<double>(g_[b * window_.out.size() + out * units + o]);
        }
      });
    }
    const Switches& switches = bench_.run.switches;
    std::vector<float> found(w_.size());
    load(switches.momenta, bench_.arena.at(buffers_.momenta), 0, found.size(), found.data());
    for (size_t j = 0; j < expected.size(); ++j) {
      if (switches.binary_weight_gradient) {
        EQUAL(found[j] > 0, expected[j] >= 0);
      } else {
        EQUAL(found[j], static_cast<float>(expected[j]) / static_cast<float>(bench_.batch()));
      }
    }
  }

  void check_input_gradient(size_t b) {
    const size_t units = block_.units();
    std::vector<double> expected(window_.in.size());
    each_read([&](size_t out, size_t in, size_t row) {
      for (size_t o = 0; o < units; ++o) {
        expected[in] += static_cast<double>(g_[b * window_.out.size() + out * units + o]) *
                        sign(row * units + o);
      }
    });
    // As the map keeps them.
    const Format format = bench_.run.switches.gradients;
    std::vector<float> found(expected.size()), kept(expected.begin(), expected.end());
    std::vector<uint8_t> memory(expected.size() * bytes_of(format));
    store(format, memory.data(), 0, kept.size(), kept.data());
    load(format, memory.data(), 0, kept.size(), kept.data());
    load(format, bench_.sample_of_map(b), 0, found.size(), found.data());
    for (size_t i = 0; i < expected.size(); ++i) EQUAL(found[i], kept[i]);
  }

  tests::Bench bench_;
  size_t l_;
  const Block& block_;
  const BlockBuffers& buffers_;
  const Window& window_;
  Keep optimizer_;
  std::vector<int> x_;  // [B][in]: centred pixels, or -1 and +1
  std::vector<float> w_, g_;
  std::vector<uint8_t> images_;
  std::vector<uint64_t> bits_;
  ProductInput input_;
  tests::Random random_;
};

// The second block is the layer, as a first one and as one behind a sign.
void check_layer(Shape in, const std::string& layer, int batch = 3) {
  const std::string channels = std::to_string(in.channels);
  const std::vector<std::string> tail = {"batch_norm", "sign", "flatten", "dense 3", "batch_norm"};
  std::vector<std::string> first = {layer},
                           second = {"conv " + channels + " 1 1 same", "batch_norm", "sign", layer};
  if (layer.starts_with("dense")) {
    first.insert(first.begin(), "flatten");
    second.insert(second.end() - 1, "flatten");
  }
  for (auto* layers : {&first, &second}) layers->insert(layers->end(), tail.begin(), tail.end());
  for (const Kernels& kernels : all_kernels()) {
    if (!kernels.runs()) continue;
    for (const bool standard : {false, true}) {
      for (size_t l = 0; l < 2; ++l) {
        RunFile run = tests::run_of(in, l == 0 ? first : second, batch);
        if (standard) run.switches = tests::standard();
        run.switches.clip_ste = false;
        Trial(run, l, kernels, 1).check();
        Trial(run, l, kernels, 3).check();
      }
    }
  }
}

}  // namespace

TEST("convolution, same: stride 1 and 2, kernels 1 to 5") {
  check_layer({5, 7, 3}, "conv 4 3 1 same");
  check_layer({5, 7, 65}, "conv 33 3 1 same");
  check_layer({7, 6, 70}, "conv 5 5 1 same");
  check_layer({5, 7, 3}, "conv 65 3 2 same");
  check_layer({7, 9, 10}, "conv 7 5 2 same");
  check_layer({6, 5, 7}, "conv 9 1 2 same");
}

TEST("convolution, same: padding below and on the right alone") {
  check_layer({8, 8, 3}, "conv 5 3 2 same");
  check_layer({6, 8, 66}, "conv 5 3 2 same");
  check_layer({8, 7, 5}, "conv 3 3 2 same");
  check_layer({2, 2, 3}, "conv 4 3 2 same");
}

TEST("convolution, valid: the last rows and columns may be read by no window") {
  check_layer({5, 7, 3}, "conv 4 3 1 valid");
  check_layer({8, 7, 65}, "conv 33 3 2 valid");
  check_layer({9, 8, 6}, "conv 7 5 2 valid");
  check_layer({4, 4, 3}, "conv 5 3 2 valid");  // one output, which does not see the whole map
  check_layer({3, 3, 70}, "conv 5 3 1 valid");
}

TEST("convolution: a window larger than the map") {
  check_layer({3, 2, 5}, "conv 4 5 1 same");
  check_layer({3, 2, 5}, "conv 4 7 2 same");
}

TEST("convolution: more rows than are handled at once") {
  check_layer({11, 13, 3}, "conv 65 3 1 same", 9);
  check_layer({11, 13, 33}, "conv 65 3 1 same", 6);
}

TEST("dense: inputs of every alignment") {
  for (const int channels : {1, 3, 64, 65, 130}) check_layer({1, 1, channels}, "dense 33", 5);
  check_layer({5, 7, 3}, "dense 65", 5);
  check_layer({2, 3, 64}, "dense 4", 5);
}
