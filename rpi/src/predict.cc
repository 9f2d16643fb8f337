#include "predict.h"

#include <algorithm>

#include "errors.h"
#include "layers/packed_weights.h"
#include "layers/pool.h"

namespace edgebnn {
namespace {

constexpr size_t kScratch = 32 * 1024;  // bytes that a block of rows may take: stays near the core

size_t bit_words(const Block& block, const Shape& map) {
  return Predictor::kImages * map.positions() * words_for(block.units());
}

// The first of the largest, as in evaluation.
int32_t label_of(const float* logits, size_t classes) {
  size_t largest = 0;
  for (size_t c = 1; c < classes; ++c) {
    if (logits[c] > logits[largest]) largest = c;
  }
  return static_cast<int32_t>(largest);
}

void check_fits(const NetworkFile& file, const DataFile& data) {
  const Network& network = file.network();
  if (show(network.input) != show(data.shape())) {
    throw InputError(file.path() + ": takes images of " + show(network.input) + ", but " +
                     data.path() + " holds images of " + show(data.shape()));
  }
  if (network.classes() != data.classes()) {
    throw InputError(file.path() + ": tells " + std::to_string(network.classes()) +
                     " classes apart, but " + data.path() + " has " +
                     std::to_string(data.classes()));
  }
}

}  // namespace

Predictor::Predictor(const NetworkFile& file, const Kernels& kernels)
    : file_(file), kernels_(kernels) {
  size_t map = 0, signs = 0, input = 0, products = 0;
  for (size_t l = 0; l < file.network().blocks.size(); ++l) {
    const Block& block = file.network().blocks[l];
    const size_t per_row = products_per_row(block), row = per_row * input_row_bytes(block);
    const size_t most = kImages * block.normed.positions();
    const size_t across = per_row * product_stride(block, block.units());
    const size_t with_products = row + across * sizeof(int32_t);
    const size_t rows = std::clamp<size_t>(kScratch / with_products, 1, most);
    rows_at_once_.push_back(rows);
    input = std::max(input, rows * row);
    products = std::max(products, rows * across);
    map = std::max(map, bit_words(block, block.out));
    if (block.pool_after.present) signs = std::max(signs, bit_words(block, block.normed));
    weights_.emplace_back(packed_words(block, block.units()));
    arrange_rows(block, file.block(l).weights, weights_[l].data());
    tap_counts_.emplace_back(counts_taps(block) ? block.units() * block.window.taps() : 0);
    if (!tap_counts_[l].empty())
      count_taps(block, weights_[l].data(), block.units(), tap_counts_[l].data());
  }
  for (auto& half : maps_) half.resize(map);
  signs_.resize(signs);
  input_rows_.resize(input / 8);
  products_.resize(products);
  logits_.resize(kImages * static_cast<size_t>(file.network().classes()));
}

void Predictor::predict(const uint8_t* images, size_t n, int32_t* labels) {
  ProductInput input{images, nullptr};
  for (size_t l = 0; l < file_.network().blocks.size(); ++l) {
    run(l, input, n);
    input = {nullptr, maps_[l % 2].data()};
  }
  const auto classes = static_cast<size_t>(file_.network().classes());
  for (size_t b = 0; b < n; ++b) labels[b] = label_of(logits_.data() + b * classes, classes);
}

void Predictor::run(size_t l, const ProductInput& input, size_t n) {
  const Block& block = file_.network().blocks[l];
  const InputRows rows(kernels_, block, input);
  const PackedWeights weights{weights_[l].data(),
                              tap_counts_[l].empty() ? nullptr : tap_counts_[l].data()};
  const size_t all = n * block.normed.positions(), per_row = products_per_row(block);
  const size_t stride = product_stride(block, block.units());
  for (size_t first = 0; first < all; first += rows_at_once_[l]) {
    const Range some{first, std::min(first + rows_at_once_[l], all)};
    multiply_rows(block, kernels_, rows, weights, some, block.units(), input_rows_.data(),
                  products_.data());
    for (size_t row = some.begin; row < some.end; ++row) {
      int32_t* products = products_.data() + (row - first) * per_row * stride;
      for (size_t i = stride; i < per_row * stride; ++i)
        products[i % stride] = std::max(products[i % stride], products[i]);
      block.last ? logits_of(l, row, products) : signs_of(l, row, products);
    }
  }
  if (block.pool_after.present) pool_signs(block, signs_.data(), maps_[l % 2].data(), {0, n});
}

void Predictor::signs_of(size_t l, size_t row, const int32_t* products) {
  const Block& block = file_.network().blocks[l];
  const int32_t* thresholds = file_.block(l).thresholds;
  const size_t units = block.units(), words = words_for(units);
  uint64_t* out = (block.pool_after.present ? signs_ : maps_[l % 2]).data() + row * words;
  for (size_t word = 0; word < words; ++word) {
    uint64_t bits = 0;
    const size_t begin = word * 64, end = std::min(begin + 64, units);
    for (size_t o = begin; o < end; ++o)
      bits |= static_cast<uint64_t>(products[o] >= thresholds[o]) << (o - begin);
    out[word] = bits;
  }
}

void Predictor::logits_of(size_t l, size_t row, const int32_t* products) {
  const size_t units = file_.network().blocks[l].units();
  const UnitNorm* norms = file_.block(l).norms;
  for (size_t o = 0; o < units; ++o) logits_[row * units + o] = norms[o](products[o]);
}

uint64_t predict_test_images(const NetworkFile& file, const DataFile& data, const Kernels& kernels,
                             Threads& threads, const std::function<void(int32_t label)>& each) {
  check_fits(file, data);
  std::vector<Predictor> predictors;
  for (size_t part = 0; part < threads.count(); ++part) predictors.emplace_back(file, kernels);
  const uint64_t count = data.count(DataFile::test);
  const size_t at_once = Predictor::kImages * threads.count(), size = data.shape().size();
  std::vector<uint8_t> images(at_once * size);
  std::vector<int32_t> labels(at_once), found(at_once);
  uint64_t correct = 0;
  for (uint64_t first = 0; first < count; first += at_once) {
    const auto n = static_cast<size_t>(std::min<uint64_t>(at_once, count - first));
    for (size_t b = 0; b < n; ++b)
      labels[b] = data.read(DataFile::test, first + b, images.data() + b * size);
    threads.each([&](size_t part) {
      const Range own = part_of(n, part, threads.count());
      predictors[part].predict(images.data() + own.begin * size, own.size(),
                               found.data() + own.begin);
    });
    for (size_t b = 0; b < n; ++b) {
      each(found[b]);
      correct += found[b] == labels[b] ? 1 : 0;
    }
  }
  return correct;
}

}  // namespace edgebnn
