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

// A weighted layer by loops over its definition, with its operands. Gradients are multiples of 1/8
// and all sums exact, so results agree to the bit.
struct Definition {
  Definition(const RunFile& run, size_t l)
      : block(compile(run).blocks[l]),
        window(block.window),
        batch(static_cast<size_t>(run.batch_size)),
        x(batch * window.in.size()),
        w(block.weights()),
        signs(w.size()),
        g(batch * window.out.size()),
        y(g.size()),
        dw(w.size()),
        dx(block.first ? 0 : x.size()) {
    fill(tests::Random(l + 1));
    for (size_t b = 0; b < batch; ++b) add(b);
  }

  ProductInput input() const {
    return block.first ? ProductInput{images.data(), nullptr} : ProductInput{nullptr, bits.data()};
  }

  Block block;
  Window window;
  size_t batch;
  std::vector<int> x;  // [B][in]: centred pixels, or -1 and +1
  std::vector<float> w;
  std::vector<int> signs;
  std::vector<float> g;
  std::vector<int> y;           // [B][out]
  std::vector<double> dw, dx;   // as w; [B][in], empty in the first block
  std::vector<uint8_t> images;  // of the first block
  std::vector<uint64_t> bits;   // of others

 private:
  void fill(tests::Random random) {
    const auto channels = static_cast<size_t>(window.in.channels), words = words_for(channels);
    images.resize(x.size());
    bits.resize(batch * window.in.positions() * words);
    for (size_t i = 0; i < x.size(); ++i) {
      if (block.first) {
        images[i] = static_cast<uint8_t>(random());
        x[i] = 2 * images[i] - 255;
      } else {
        x[i] = random() >> 40 & 1 ? 1 : -1;
        const size_t c = i % channels;
        if (x[i] > 0) bits[i / channels * words + c / 64] |= uint64_t{1} << (c % 64);
      }
    }
    for (size_t j = 0; j < w.size(); ++j) {
      w[j] = static_cast<float>(between(random, -3, 3)) / 4;
      signs[j] = w[j] >= 0 ? 1 : -1;
    }
    for (float& one : g) one = static_cast<float>(between(random, -64, 64)) / 8;
  }

  // The products of a sample.
  void add(size_t b) {
    const size_t units = block.units();
    each_read([&](size_t out, size_t in, size_t row) {
      const float* gradients = &g[b * window.out.size() + out * units];
      const int* weights = &signs[row * units];
      int* sums = &y[b * window.out.size() + out * units];
      const int value = x[b * window.in.size() + in];
      double gradient = 0;
      for (size_t o = 0; o < units; ++o) {
        sums[o] += value * weights[o];
        dw[row * units + o] += value * static_cast<double>(gradients[o]);
        gradient += static_cast<double>(gradients[o]) * weights[o];
      }
      if (!block.first) dx[b * window.in.size() + in] += gradient;
    });
  }

  // Calls body(output position, input index, weight row) for every value that a sample's outputs
  // read; what lies outside the map is left out.
  template <class Body>
  void each_read(Body&& body) const {
    for (int oy = 0; oy < window.out.height; ++oy) {
      for (int ox = 0; ox < window.out.width; ++ox) {
        for (int ky = 0; ky < window.height; ++ky) {
          for (int kx = 0; kx < window.width; ++kx) {
            const int iy = oy * window.stride - window.pad_top + ky;
            const int ix = ox * window.stride - window.pad_left + kx;
            if (iy < 0 || ix < 0 || iy >= window.in.height || ix >= window.in.width) continue;
            for (int c = 0; c < window.in.channels; ++c) {
              body(static_cast<size_t>(oy * window.out.width + ox),
                   static_cast<size_t>((iy * window.in.width + ix) * window.in.channels + c),
                   static_cast<size_t>((ky * window.width + kx) * window.in.channels + c));
            }
          }
        }
      }
    }
  }
};

// The same layer in its arena.
class Trial {
 public:
  Trial(const Definition& layer, RunFile run, size_t l, const Kernels& kernels, size_t threads)
      : layer_(layer),
        bench_(std::move(run), threads, kernels),
        l_(l),
        block_(bench_.network.blocks[l]),
        buffers_(bench_.plan.blocks[l]),
        optimizer_(bench_.run) {}

  void check() {
    const ProductInput input = layer_.input();
    bench_.arena.enter(static_cast<int>(l_));
    store(bench_.run.switches.weights, bench_.arena.at(buffers_.weights), 0, layer_.w.size(),
          layer_.w.data());
    Forward(block_, buffers_, bench_.context).run(input, bench_.batch(), true);
    for (size_t b = 0; b < bench_.batch(); ++b) check_forward(b);
    bench_.enter_weights_of(l_);
    put_gradient();
    if (!block_.first) pack_for_dx(block_, buffers_, bench_.context);
    WeightGradient(block_, buffers_, bench_.context, optimizer_, l_).run(input, bench_.batch());
    check_weight_gradient();
    if (block_.first) return;
    bench_.enter_inputs_of(l_);
    InputGradient(block_, buffers_, bench_.network.blocks[l_ - 1], bench_.plan.blocks[l_ - 1],
                  bench_.context)
        .run(bench_.batch());
    for (size_t b = 0; b < bench_.batch(); ++b) check_input_gradient(b);
  }

 private:
  void put_gradient() {
    const size_t size = layer_.window.out.size();
    for (size_t b = 0; b < bench_.batch(); ++b)
      store(bench_.run.switches.gradients, bench_.sample_of_map(b), 0, size, &layer_.g[b * size]);
  }

  void check_forward(size_t b) {
    const size_t size = layer_.window.out.size();
    std::vector<float> found(size);
    load(buffers_.product_format, bench_.sample_of_map(b), 0, size, found.data());
    for (size_t i = 0; i < size; ++i) EQUAL(found[i], static_cast<float>(layer_.y[b * size + i]));
  }

  void check_weight_gradient() {
    const Switches& switches = bench_.run.switches;
    std::vector<float> found(layer_.dw.size());
    load(switches.momenta, bench_.arena.at(*buffers_.momenta), 0, found.size(), found.data());
    for (size_t j = 0; j < found.size(); ++j) {
      if (switches.binary_weight_gradient) {
        EQUAL(found[j] > 0, layer_.dw[j] >= 0);
      } else {
        EQUAL(found[j], static_cast<float>(layer_.dw[j]) / static_cast<float>(bench_.batch()));
      }
    }
  }

  void check_input_gradient(size_t b) {
    // As the map keeps them.
    const Format format = bench_.run.switches.gradients;
    const size_t size = layer_.window.in.size();
    const double* expected = &layer_.dx[b * size];
    std::vector<float> found(size), kept(expected, expected + size);
    std::vector<uint8_t> memory(size * bytes_of(format));
    store(format, memory.data(), 0, size, kept.data());
    load(format, memory.data(), 0, size, kept.data());
    load(format, bench_.sample_of_map(b), 0, size, found.data());
    for (size_t i = 0; i < size; ++i) EQUAL(found[i], kept[i]);
  }

  const Definition& layer_;
  tests::Bench bench_;
  size_t l_;
  const Block& block_;
  const BlockBuffers& buffers_;
  Keep optimizer_;
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
  for (size_t l = 0; l < 2; ++l) {
    RunFile run = tests::run_of(in, l == 0 ? first : second, batch);
    const Definition definition(run, l);
    for (const bool standard : {false, true}) {
      if (standard) run.switches = tests::standard();
      run.switches.clip_ste = false;
      for (const Kernels& kernels : all_kernels()) {
        if (!kernels.runs()) continue;
        for (const size_t threads : {1, 3}) Trial(definition, run, l, kernels, threads).check();
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

TEST("convolution: more words of inputs than dX takes at once") {
  check_layer({3, 4, 300}, "conv 4 3 1 same", 2);   // a line of taps at once
  check_layer({3, 3, 450}, "conv 4 3 1 valid", 2);  // not all of a line
  check_layer({2, 2, 1300}, "conv 4 1 1 same", 2);
}

TEST("dX: parts of a window's words are lines of taps, or within one") {
  const auto parts = [](const InputParts& of) {
    std::vector<size_t> sizes;
    for (size_t word = 0; word < of.words; word += sizes.back()) {
      sizes.push_back(of.of(word).size());
      EQUAL(of.of(word).begin, word);
      EQUAL(of.of(word + sizes.back() - 1).begin, word);
    }
    return sizes;
  };
  EQUAL(parts({9, 3, 18}) == std::vector<size_t>{9}, true);
  EQUAL(parts({27, 9, 20}) == std::vector<size_t>({18, 9}), true);
  EQUAL(parts({50, 25, 18}) == std::vector<size_t>({18, 7, 18, 7}), true);
  EQUAL(parts({100, 25, 1000}) == std::vector<size_t>{100}, true);
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

TEST("dW: more units than a tile has") { check_layer({4, 3, 3}, "conv 70 3 1 same"); }
