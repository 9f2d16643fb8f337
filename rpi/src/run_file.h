// The run file (docs/formats.md): what to train and how, as flat `key value` lines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage.h"

namespace edgebnn {

struct Switches {
  Format activations = Format::bit;  // or f32, f16: Xn as it is
  enum class BatchNorm { l2, l1, bnn, bnn_xn } batch_norm = BatchNorm::bnn;
  Format gradients = Format::f16;
  Format momenta = Format::q15;
  Format weights = Format::q15;
  bool clip_ste = true;
  bool binary_weight_gradient = true;
};

struct Schedule {
  enum class Kind { constant, step, plateau, cosine } kind = Kind::constant;
  double factor = 1;
  int every = 0;     // epochs: between steps, or of patience
  double floor = 0;  // of cosine
  int warmup = 0;    // epochs before it begins
};

// A `layer` line, with its number for messages: the first layer is 1.
struct LayerLine {
  int number = 0;
  std::string kind;
  std::vector<std::string> arguments;
};

struct RunFile {
  std::string path;
  std::string text;  // its lines, without comments and spaces: two runs of one text are one run
  std::string run_id;
  uint64_t seed = 0;
  int batch_size = 0;
  int epochs = 0;
  std::string optimizer;
  double learning_rate = 0;
  double gamma = 0, tau = 0;  // of bop
  Schedule schedule;
  double shift = 0;        // of training images: a share of a side, in [0, 0.5)
  bool zero_fill = false;  // what a shift leaves empty is 0, instead of the edge repeated
  bool flip = false;       // of training images
  Switches switches;
  int height = 0, width = 0, channels = 0;
  std::vector<LayerLine> layers;
  std::string init;         // checksum of the file that training begins from; empty: from the seed
  std::vector<int> frozen;  // numbers of layers with weights that stay as they are

  // What a W that is trained is kept in: bop's is one bit, whatever weight_dtype.
  Format stored_weights() const { return optimizer == "bop" ? Format::bit : switches.weights; }
};

// Throws InputError naming file, line, key, what was found and what is allowed.
RunFile read_run_file(const std::string& path);

}  // namespace edgebnn
