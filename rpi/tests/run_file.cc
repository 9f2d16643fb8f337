// A good run file is read whole; each mistake is refused with its place and what is allowed.
#include "run_file.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "check.h"
#include "network.h"

namespace edgebnn {
namespace {

constexpr const char* kGood =
    "edgebnn-run 1\n"
    "run_id digits-mlp  # a comment\n"
    "\n"
    "seed 18446744073709551615\n"
    "batch_size 200\n"
    "epochs 20\n"
    "optimizer adam\n"
    "learning_rate 0.001\n"
    "schedule step 0.5 10\n"
    "activations bool\n"
    "batch_norm bnn\n"
    "gradient_dtype f16\n"
    "momentum_dtype q15\n"
    "pool_mask index\n"
    "ste clip\n"
    "weight_dtype q15\n"
    "weight_gradient bool\n"
    "input 8 6 3\n"
    "layer flatten\n"
    "layer dense 33\n"
    "layer batch_norm\n"
    "layer sign\n"
    "layer dense 10\n"
    "layer batch_norm\n";

// A file of this text, gone with the object.
class TextFile {
 public:
  explicit TextFile(const std::string& text) {
    const int descriptor = mkstemp(path_);
    if (descriptor >= 0) close(descriptor);
    std::ofstream(path_) << text;
  }
  ~TextFile() { unlink(path_); }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  const char* path() const { return path_; }

 private:
  char path_[32] = "/tmp/edgebnn-run-XXXXXX";
};

std::string with(const std::string& line, const std::string& instead) {
  std::string text = kGood;
  const size_t at = text.find(line);
  EQUAL(at != std::string::npos, true);
  return text.replace(at, line.size(), instead);
}

Network compiled(const std::string& text) {
  const TextFile file(text);
  return compile(read_run_file(file.path()));
}

TEST("run file: every key is read") {
  const TextFile file(kGood);
  const RunFile run = read_run_file(file.path());
  EQUAL(run.run_id, "digits-mlp");
  EQUAL(run.seed, UINT64_MAX);
  EQUAL(run.batch_size, 200);
  EQUAL(run.learning_rate, 0.001);
  EQUAL(run.schedule.factor, 0.5);
  EQUAL(run.schedule.every, 10);
  EQUAL(run.switches.weights == Format::q15, true);
  EQUAL(run.layers.size(), size_t{6});
  EQUAL(run.width, 6);
}

TEST("run file: mistakes") {
  const struct {
    const char *line, *instead, *said;
  } mistakes[] = {
      {"edgebnn-run 1", "edgebnn-run 2", "line 1: found 'edgebnn-run 2'"},
      {"seed 18446744073709551615", "seed -1", "line 4: seed: found '-1'"},
      {"seed 18446744073709551615", "", "seed: missing"},
      {"batch_size 200", "batch_size 0", "batch_size: found '0', allowed is a number from 1"},
      {"batch_size 200", "batch_size 2x", "batch_size: found '2x'"},
      {"batch_size 200", "batch_size", "batch_size: found ''"},
      {"epochs 20", "epochs 1 2", "line 6: epochs: found '1 2'"},
      {"epochs 20", "batch_size 20", "line 6: batch_size: stands twice"},
      {"epochs 20", "epoch 20", "line 6: unknown key 'epoch'"},
      {"learning_rate 0.001", "learning_rate nan", "learning_rate: found 'nan'"},
      {"learning_rate 0.001", "learning_rate 0", "learning_rate: found '0'"},
      {"schedule step 0.5 10", "schedule step 0.5", "'step FACTOR EVERY'"},
      {"schedule step 0.5 10", "schedule cosine", "found 'cosine', allowed are 'constant'"},
      {"activations bool", "activations f16", "activations: found 'f16', allowed are bool, f32"},
      {"batch_norm bnn", "batch_norm l3", "found 'l3', allowed are bnn, l1, l2"},
      {"batch_norm bnn", "batch_norm l2", "need real activations"},
      {"gradient_dtype f16", "gradient_dtype i6", "'i6' is not yet trained"},
      {"gradient_dtype f16", "gradient_dtype f8", "allowed are f16, f32"},
      {"momentum_dtype q15", "momentum_dtype i4", "momentum_dtype: 'i4' is not yet trained"},
      {"weight_dtype q15", "weight_dtype i8", "weight_dtype: 'i8' is not yet trained"},
      {"ste clip", "ste hard", "ste: found 'hard', allowed are clip, identity"},
      {"input 8 6 3", "input 8 6", "allowed are 3 values"},
      {"layer flatten", "layer", "layer: found ''"},
  };
  for (const auto& mistake : mistakes) {
    const TextFile file(with(mistake.line, mistake.instead));
    SAYS(read_run_file(file.path()), mistake.said);
    SAYS(read_run_file(file.path()), file.path());
  }
  SAYS(read_run_file("/nowhere/run"), "/nowhere/run: cannot be read");
}

TEST("network: shapes of an MLP") {
  const Network network = compiled(kGood);
  EQUAL(network.blocks.size(), size_t{2});
  EQUAL(network.blocks[0].fan_in(), size_t{144});
  EQUAL(network.blocks[0].units(), size_t{33});
  EQUAL(network.blocks[0].name, "layer 2 (dense)");
  EQUAL(network.blocks[1].weights(), size_t{330});
  EQUAL(network.blocks[1].last, true);
  EQUAL(network.classes(), 10);
}

TEST("network: padding may lie below and to the right alone") {
  const std::string conv = "layer conv 5 3 2 same\nlayer batch_norm\nlayer sign\nlayer flatten";
  const Window window = compiled(with("layer flatten", conv)).blocks[0].window;
  EQUAL(window.pad_top, 0);
  EQUAL(window.out.height, 4);
  EQUAL(window.padded(), true);
  EQUAL(compiled(kGood).blocks[0].window.padded(), false);
}

TEST("network: what cannot be trained is refused with the layer's number") {
  const struct {
    const char *line, *instead, *said;
  } mistakes[] = {
      {"layer flatten", "layer residual", "layer 1 (residual): not yet trained"},
      {"layer flatten", "layer avg_pool 2", "layer 1 (avg_pool): not yet trained"},
      {"layer flatten", "layer dropout", "layer 1 (dropout): unknown"},
      {"layer flatten", "layer sign", "layer 1 (sign): stands behind 'batch_norm'"},
      {"layer flatten\n", "", "layer 1 (dense): needs flat features"},
      {"layer dense 33", "layer dense 0", "layer 2 (dense): found '0'"},
      {"layer dense 33", "layer dense", "layer 2 (dense): found 0 arguments, expected UNITS"},
      {"layer sign\n", "", "layer 4 (dense): takes the image or binary values"},
      {"layer dense 33", "layer conv 3 3 1 same", "layer 2 (conv): needs a map"},
      {"layer flatten", "layer conv 3 2 1 same", "kernel 2 is even"},
      {"layer flatten", "layer conv 3 9 1 valid", "does not fit into 8x6x3"},
      {"layer dense 10\nlayer batch_norm\n", "", "the last layer is batch_norm"},
  };
  for (const auto& mistake : mistakes)
    SAYS(compiled(with(mistake.line, mistake.instead)), mistake.said);
}

}  // namespace
}  // namespace edgebnn
