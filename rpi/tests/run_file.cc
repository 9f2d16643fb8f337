// A good run file is read whole; each mistake is refused with its place and what is allowed.
#include "run_file.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <vector>

#include "check.h"

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
    "shift 0.15\n"
    "flip true\n"
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

TEST("run file: a shift's fill") {
  const auto zero_fill = [](const std::string& shift) {
    const TextFile file(with("shift 0.15", "shift " + shift));
    return read_run_file(file.path()).zero_fill;
  };
  EQUAL(zero_fill("0.1"), false);
  EQUAL(zero_fill("0.1 edge"), false);
  EQUAL(zero_fill("0.1 zero"), true);
  SAYS(zero_fill("0.1 black"), "found '0.1 black', allowed are a number, then edge or zero");
  SAYS(zero_fill("0.1 edge zero"), "are 2 values");
}

TEST("run file: schedules") {
  const auto read = [](const std::string& schedule) {
    const TextFile file(with("schedule step 0.5 10", "schedule " + schedule));
    return read_run_file(file.path()).schedule;
  };
  EQUAL(read("constant warmup 3").warmup, 3);
  EQUAL(read("plateau 0.5 7 warmup 19").every, 7);
  const Schedule cosine = read("cosine 1e-5 warmup 2");
  EQUAL(cosine.kind == Schedule::Kind::cosine, true);
  EQUAL(cosine.floor, 1e-5);
  EQUAL(cosine.warmup, 2);
  SAYS(read("cosine"), "cosine FLOOR");
  SAYS(read("warmup 3"), "'warmup EPOCHS'");
  SAYS(read("constant warmup 0"), "from 1 to");
  SAYS(read("cosine 0 warmup 20"), "found warmup 20, fewer than the 20 epochs");
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
  EQUAL(run.shift, 0.15);
  EQUAL(run.flip, true);
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
      {"shift 0.15", "shift 0.5", "shift: found '0.5', allowed is a number from 0 to below 0.5"},
      {"shift 0.15", "shift -0.1", "shift: found '-0.1', allowed is a number from 0 to 0.5"},
      {"shift 0.15", "shift nan", "shift: found 'nan'"},
      {"flip true", "flip yes", "flip: found 'yes', allowed are false, true"},
      {"activations bool", "activations f8", "activations: found 'f8', allowed are bool, f16, f32"},
      {"batch_norm bnn", "batch_norm l3", "found 'l3', allowed are bnn, bnn-xn, l1, l2"},
      {"batch_norm bnn", "batch_norm l2", "need real activations"},
      {"gradient_dtype f16", "gradient_dtype f8", "allowed are f16, f32"},
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

TEST("run file: the other values of the switches") {
  const auto read = [](const char* line, const char* instead) {
    const TextFile file(with(line, instead));
    return read_run_file(file.path());
  };
  EQUAL(read("activations bool", "activations f16").switches.activations == Format::f16, true);
  EQUAL(read("ste clip", "ste identity").switches.clip_ste, false);
  EQUAL(read("weight_gradient bool", "weight_gradient f32").switches.binary_weight_gradient, false);
  EQUAL(read("gradient_dtype f16", "gradient_dtype f32").switches.gradients == Format::f32, true);
  const Schedule plateau = read("schedule step 0.5 10", "schedule plateau 0.1 3").schedule;
  EQUAL(plateau.kind == Schedule::Kind::plateau, true);
  EQUAL(plateau.factor, 0.1);
}

TEST("run file: each key is needed, once") {
  for (const std::string key :
       {"run_id", "seed", "batch_size", "epochs", "optimizer", "learning_rate", "schedule", "shift",
        "flip", "activations", "batch_norm", "gradient_dtype", "momentum_dtype", "pool_mask", "ste",
        "weight_dtype", "weight_gradient", "input"}) {
    const std::string text = kGood;
    const size_t from = text.find("\n" + key) + 1, end = text.find('\n', from) + 1;
    const std::string line = text.substr(from, end - from);
    const TextFile without(with(line, "")), twice(with(line, line + line));
    SAYS(read_run_file(without.path()), std::string(without.path()) + ": " + key + ": missing");
    SAYS(read_run_file(twice.path()), ": " + key + ": stands twice");
  }
  const TextFile layerless(std::string(kGood).substr(0, std::string(kGood).find("layer ")));
  SAYS(read_run_file(layerless.path()), "layer: missing");
}

TEST("run file: every format is trained, or refused as not yet trained") {
  const struct {
    const char *line, *key;
    std::vector<const char*> values;
  } formats[] = {
      {"gradient_dtype f16", "gradient_dtype", {"f32", "f16", "i16", "i8", "i6"}},
      {"momentum_dtype q15", "momentum_dtype", {"f32", "f16", "q15", "i8", "i4"}},
      {"weight_dtype q15", "weight_dtype", {"f32", "f16", "q15", "i8"}},
  };
  for (const auto& format : formats) {
    for (const std::string value : format.values) {
      const std::string key = format.key;
      const TextFile file(with(format.line, key + " " + value));
      const auto message = check::message_of([&] { read_run_file(file.path()); });
      if (message != "(nothing was thrown)")
        CONTAINS(message, key + ": '" + value + "' is not yet trained by this version");
    }
  }
}

}  // namespace
}  // namespace edgebnn
