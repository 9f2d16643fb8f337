// Layers compiled to blocks: shapes, padding, and what is refused.
#include "network.h"

#include "check.h"
#include "runs.h"

using namespace edgebnn;
using Layers = std::vector<std::string>;

namespace {

// The window of one convolution of a map, closed by a dense layer.
Window conv(Shape input, const std::string& layer) {
  const Layers layers = {layer, "batch_norm", "sign", "flatten", "dense 3", "batch_norm"};
  return compile(tests::run_of(input, layers)).blocks[0].window;
}

void window_is(const Window& found, Shape out, int pad_top, int pad_left, bool padded) {
  EQUAL(found.out.height, out.height);
  EQUAL(found.out.width, out.width);
  EQUAL(found.out.channels, out.channels);
  EQUAL(found.pad_top, pad_top);
  EQUAL(found.pad_left, pad_left);
  EQUAL(found.padded(), padded);
}

std::string refusal(Shape input, const Layers& layers) {
  return check::message_of([&] { compile(tests::run_of(input, layers)); });
}

}  // namespace

TEST("conv: output sizes and padding are TensorFlow's") {
  window_is(conv({8, 9, 2}, "conv 5 3 1 same"), {8, 9, 5}, 1, 1, true);
  window_is(conv({8, 9, 2}, "conv 5 5 1 same"), {8, 9, 5}, 2, 2, true);
  window_is(conv({8, 9, 2}, "conv 5 1 1 same"), {8, 9, 5}, 0, 0, false);
  window_is(conv({8, 9, 2}, "conv 5 3 2 same"), {4, 5, 5}, 0, 1, true);
  window_is(conv({8, 9, 2}, "conv 5 5 3 same"), {3, 3, 5}, 1, 1, true);
  window_is(conv({8, 9, 2}, "conv 5 1 3 same"), {3, 3, 5}, 0, 0, false);
  window_is(conv({8, 9, 2}, "conv 5 3 1 valid"), {6, 7, 5}, 0, 0, false);
  window_is(conv({8, 9, 2}, "conv 5 3 2 valid"), {3, 4, 5}, 0, 0, false);
  window_is(conv({8, 9, 2}, "conv 5 7 2 valid"), {1, 2, 5}, 0, 0, false);
}

TEST("conv: padding only below and on the right is padding, and no whole map") {
  const Window below = conv({8, 8, 1}, "conv 5 3 2 same");
  window_is(below, {4, 4, 5}, 0, 0, true);
  EQUAL(conv({2, 2, 1}, "conv 5 3 2 same").whole(), false);
  EQUAL(conv({4, 4, 1}, "conv 5 3 2 valid").whole(), false);
  EQUAL(conv({3, 3, 1}, "conv 5 3 1 valid").whole(), true);
}

TEST("blocks: what stands between the products is theirs") {
  const Network network = compile(
      tests::run_of({11, 13, 3}, {"conv 5 3 1 same", "max_pool 2", "batch_norm", "sign",
                                  "conv 7 3 1 valid", "batch_norm", "sign", "max_pool 2", "flatten",
                                  "dense 33", "batch_norm", "sign", "dense 10", "batch_norm"}));
  EQUAL(network.blocks.size(), size_t{4});
  EQUAL(network.classes(), 10);
  const Block& first = network.blocks[0];
  EQUAL(first.name, std::string("layer 1 (conv)"));
  EQUAL(first.first && !first.last && first.pool_before.present && !first.pool_after.present, true);
  EQUAL(first.normed.positions(), size_t{5 * 6});
  EQUAL(first.fan_in(), size_t{27});
  const Block& second = network.blocks[1];
  EQUAL(!second.pool_before.present && second.pool_after.present, true);
  EQUAL(second.normed.positions(), size_t{3 * 4});
  EQUAL(second.out.positions(), size_t{1 * 2});
  const Block& third = network.blocks[2];
  EQUAL(third.name, std::string("layer 10 (dense)"));
  EQUAL(third.window.whole(), true);
  EQUAL(third.fan_in(), size_t{2 * 7});
  EQUAL(third.weights(), size_t{2 * 7 * 33});
  EQUAL(network.blocks[3].last, true);
}

TEST("refusals name file, layer and what is allowed") {
  const Shape map{8, 8, 2};
  const Layers head = {"flatten", "dense 3", "batch_norm"};
  const auto with_head = [&](Layers layers) {
    layers.insert(layers.end(), head.begin(), head.end());
    return layers;
  };
  const auto refused = [&](Layers layers, const std::string& message) {
    CONTAINS(refusal(map, layers), "case.run: layer " + message);
  };
  refused({"dense 3", "batch_norm"}, "1 (dense): needs flat features, found 8x8x2");
  refused({"flatten", "dense 3"}, "2 (dense): the last layer is batch_norm");
  refused({"flatten", "dense 3", "batch_norm", "sign"}, "4 (sign): the last layer is batch_norm");
  refused({"flatten", "conv 3 3 1 same"}, "2 (conv): needs a map; it stands behind 'flatten'");
  refused({"conv 3 3 1 same", "batch_norm"}, "2 (batch_norm): the logits are flat, found 8x8x3");
  refused({"flatten", "dense"}, "2 (dense): found 0 arguments, expected UNITS");
  refused({"flatten", "dense 0"}, "2 (dense): found '0', allowed is a whole number of at least 1");
  refused({"flatten", "dense 1.5"}, "2 (dense): found '1.5', allowed is");
  refused({"conv 3 3 1"}, "1 (conv): found 3 arguments, expected FILTERS KERNEL STRIDE PADDING");
  refused({"conv 3 4 1 same"}, "1 (conv): kernel 4 is even; odd ones are allowed");
  refused({"conv 3 9 1 valid"}, "1 (conv): a window of 9 does not fit into 8x8x2");
  refused({"conv 3 3 1 full"}, "1 (conv): found padding 'full', allowed are same, valid");
  refused({"conv 3 3 1 same", "sign"}, "2 (sign): stands behind 'batch_norm'");
  refused({"batch_norm"}, "1 (batch_norm): stands behind a product");
  refused({"conv 3 3 1 same", "flatten", "batch_norm"}, "3 (batch_norm): has one mean a channel");
  refused(with_head({"conv 3 3 1 same", "conv 3 3 1 same"}), "2 (conv): takes the image or binary");
  refused(with_head({"conv 3 3 1 same", "batch_norm"}), "4 (dense): takes the image or binary");
  refused({"conv 3 3 1 same", "max_pool 3"}, "2 (max_pool): windows of 2 are trained, found 3");
  refused({"max_pool 2"}, "1 (max_pool): stands behind a product or a sign, once");
  refused({"conv 3 3 1 same", "max_pool 2", "max_pool 2"}, "3 (max_pool): stands behind a product");
  refused({"conv 3 7 2 valid", "max_pool 2"}, "2 (max_pool): does not fit into 1x1x3");
  refused({"flatten", "dense 4", "max_pool 2"}, "3 (max_pool): does not fit");
  refused({"residual"}, "1 (residual): not yet trained by this version");
  refused({"avg_pool 2"}, "1 (avg_pool): not yet trained by this version");
  refused({"global_avg_pool"}, "1 (global_avg_pool): not yet trained by this version");
  refused({"relu"}, "1 (relu): unknown; layers are flatten, dense, conv, max_pool");
}
