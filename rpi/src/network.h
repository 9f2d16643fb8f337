// The network as the trainer sees it: a chain of blocks, each one weighted layer with its batch
// norm and what stands around them.
//
//   block = weighted product -> [max-pool] -> batch norm -> sign -> [max-pool]
//
// The last block ends in its batch norm: the logits. A dense layer is a product whose window is the
// whole map, so dense and convolutional layers are one thing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "run_file.h"

namespace edgebnn {

struct Shape {
  int height = 0, width = 0, channels = 0;
  size_t positions() const { return static_cast<size_t>(height) * width; }
  size_t size() const { return positions() * channels; }
};

// "28x28x1", for messages.
std::string show(const Shape& shape);

// A sliding window over `in`, giving `out`: out(y, x) sees in(y·stride - pad_top + ky, ...).
struct Window {
  Shape in, out;
  int height = 1, width = 1;  // of the window
  int stride = 1;
  int pad_top = 0, pad_left = 0;

  size_t taps() const { return static_cast<size_t>(height) * width; }
  // Inputs of one unit: taps x channels.
  size_t fan_in() const { return taps() * in.channels; }
  // Whether some output reads outside the map: above or left of it, or only below or right.
  bool padded() const {
    return pad_top > 0 || pad_left > 0 || (out.height - 1) * stride + height > in.height ||
           (out.width - 1) * stride + width > in.width;
  }
  // One output that reads all of the map, row by row: a dense layer.
  bool whole() const {
    return height == in.height && width == in.width && out.positions() == 1 && !padded();
  }
};

struct Pool {
  bool present = false;
  int size = 2;
};

struct Block {
  std::string name;  // "layer 2 (dense)": the number in the run file
  int number = 0;    // of its weighted layer in the run file, from 1
  bool first = false, last = false;
  bool frozen = false;  // W, beta and the moving statistics stay; training uses the latter
  Window window;        // of the product; window.out.channels are the units
  Pool pool_before;     // between the product and the batch norm
  Shape normed;         // what the batch norm sees
  Pool pool_after;      // behind the sign
  Shape out;            // what the next block sees

  size_t fan_in() const { return window.fan_in(); }
  size_t units() const { return static_cast<size_t>(window.out.channels); }
  size_t weights() const { return fan_in() * units(); }
};

struct Network {
  Shape input;
  std::vector<Block> blocks;
  int classes() const { return blocks.back().out.channels; }
  // The lowest block that is trained: backward ends with its dW.
  size_t lowest = 0;
};

// Checks and compiles a run's layers. Throws InputError with the layer's number; layers that this
// version cannot train are refused by name.
Network compile(const RunFile& run);

}  // namespace edgebnn
