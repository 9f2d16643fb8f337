#include "network.h"

#include <algorithm>
#include <charconv>

#include "errors.h"

namespace edgebnn {
namespace {

class Compiler {
 public:
  explicit Compiler(const RunFile& run) : run_(run) {
    network_.input = {run.height, run.width, run.channels};
  }

  Network compile() {
    if (run_.layers.empty()) throw InputError(run_.path + ": layer: missing");
    Shape shape = network_.input;
    for (const LayerLine& line : run_.layers) {
      line_ = &line;
      shape = add(shape);
    }
    if (state_ != State::normed) refuse("the last layer is batch_norm, which gives the logits");
    Block& last = network_.blocks.back();
    last.last = true;
    if (last.out.positions() != 1) refuse("the logits are flat, found " + show(last.out));
    freeze();
    return network_;
  }

 private:
  // What flows between two layers.
  enum class State { image, product, pooled_product, normed, binary, pooled_binary };

  [[noreturn]] void refuse(const std::string& why) const {
    throw InputError(run_.path + ": layer " + std::to_string(line_->number) + " (" + line_->kind +
                     "): " + why);
  }

  void freeze() {
    std::vector<Block>& blocks = network_.blocks;
    for (const int number : run_.frozen) {
      const auto block = std::ranges::find(blocks, number, &Block::number);
      if (block == blocks.end()) {
        throw InputError(run_.path + ": freeze: found " + std::to_string(number) +
                         ", which is no layer with weights");
      }
      block->frozen = true;
    }
    const auto trained = std::ranges::find(blocks, false, &Block::frozen);
    if (trained == blocks.end())
      throw InputError(run_.path + ": freeze: found all layers with weights; nothing is trained");
    network_.lowest = static_cast<size_t>(trained - blocks.begin());
  }

  int argument(size_t index) const {
    const std::string& text = line_->arguments.at(index);
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > 1 << 20) {
      refuse("found '" + text + "', allowed is a whole number of at least 1");
    }
    return value;
  }

  void expect_arguments(size_t count, const char* names) const {
    if (line_->arguments.size() != count) {
      refuse("found " + std::to_string(line_->arguments.size()) + " arguments, expected " + names);
    }
  }

  Shape add(const Shape& shape) {
    const std::string& kind = line_->kind;
    if (kind == "flatten") {
      expect_arguments(0, "none");
      flat_ = true;  // positions and channels keep their order: only what follows changes
      return shape;
    }
    if (kind == "dense") return add_dense(shape);
    if (kind == "conv") return add_conv(shape);
    if (kind == "max_pool") return add_pool(shape);
    if (kind == "batch_norm") return add_batch_norm(shape);
    if (kind == "sign") return add_sign(shape);
    if (kind == "residual" || kind == "avg_pool" || kind == "global_avg_pool") {
      refuse("not yet trained by this version");
    }
    refuse("unknown; layers are flatten, dense, conv, max_pool, batch_norm, sign");
  }

  Shape add_dense(const Shape& shape) {
    expect_arguments(1, "UNITS");
    if (!flat_ && shape.positions() != 1) {
      refuse("needs flat features, found " + show(shape) + "; put 'flatten' before it");
    }
    return add_product({shape, {1, 1, argument(0)}, shape.height, shape.width, 1, 0, 0});
  }

  Shape add_conv(const Shape& shape) {
    expect_arguments(4, "FILTERS KERNEL STRIDE PADDING");
    if (flat_) refuse("needs a map; it stands behind 'flatten'");
    const int filters = argument(0), kernel = argument(1), stride = argument(2);
    const std::string& padding = line_->arguments[3];
    if (kernel % 2 == 0)
      refuse("kernel " + std::to_string(kernel) + " is even; odd ones are allowed");
    Window window{shape, {0, 0, filters}, kernel, kernel, stride, 0, 0};
    if (padding == "same") {
      window.out.height = (shape.height + stride - 1) / stride;
      window.out.width = (shape.width + stride - 1) / stride;
      const auto before = [&](int size, int out) {
        const int total = (out - 1) * stride + kernel - size;
        return total > 0 ? total / 2 : 0;
      };
      window.pad_top = before(shape.height, window.out.height);
      window.pad_left = before(shape.width, window.out.width);
    } else if (padding == "valid") {
      if (kernel > shape.height || kernel > shape.width) {
        refuse("a window of " + std::to_string(kernel) + " does not fit into " + show(shape));
      }
      window.out.height = (shape.height - kernel) / stride + 1;
      window.out.width = (shape.width - kernel) / stride + 1;
    } else {
      refuse("found padding '" + padding + "', allowed are same, valid");
    }
    return add_product(window);
  }

  Shape add_product(const Window& window) {
    if (state_ != State::image && state_ != State::binary && state_ != State::pooled_binary) {
      refuse("takes the image or binary values; put 'sign' before it");
    }
    Block block;
    block.name = "layer " + std::to_string(line_->number) + " (" + line_->kind + ")";
    block.number = line_->number;
    block.first = network_.blocks.empty();
    block.window = window;
    block.normed = block.out = window.out;
    network_.blocks.push_back(block);
    state_ = State::product;
    return window.out;
  }

  Shape add_pool(const Shape& shape) {
    expect_arguments(1, "SIZE");
    const int size = argument(0);
    if (size != 2) refuse("windows of 2 are trained, found " + std::to_string(size));
    if (state_ != State::product && state_ != State::binary) {
      refuse("stands behind a product or a sign, once");
    }
    if (flat_ || shape.height < 2 || shape.width < 2) refuse("does not fit into " + show(shape));
    const Shape pooled{shape.height / 2, shape.width / 2, shape.channels};
    Block& block = network_.blocks.back();
    if (state_ == State::product) {
      block.pool_before = {true, size};
      block.normed = block.out = pooled;
      state_ = State::pooled_product;
    } else {
      block.pool_after = {true, size};
      block.out = pooled;
      state_ = State::pooled_binary;
    }
    return pooled;
  }

  Shape add_batch_norm(const Shape& shape) {
    expect_arguments(0, "none");
    if (state_ != State::product && state_ != State::pooled_product) {
      refuse("stands behind a product");
    }
    if (flat_ && shape.positions() != 1) refuse("has one mean a channel; put 'flatten' behind it");
    state_ = State::normed;
    return shape;
  }

  Shape add_sign(const Shape& shape) {
    expect_arguments(0, "none");
    if (state_ != State::normed) refuse("stands behind 'batch_norm'");
    state_ = State::binary;
    return shape;
  }

  const RunFile& run_;
  Network network_;
  const LayerLine* line_ = nullptr;
  State state_ = State::image;
  bool flat_ = false;
};

}  // namespace

std::string show(const Shape& shape) {
  return std::to_string(shape.height) + "x" + std::to_string(shape.width) + "x" +
         std::to_string(shape.channels);
}

Network compile(const RunFile& run) { return Compiler(run).compile(); }

}  // namespace edgebnn
