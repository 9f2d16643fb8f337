// Writes the seeds, rpi/fuzz/corpus/<fuzzer>/: `scons SANITIZE=address seeds`.
#include <filesystem>
#include <fstream>
#include <vector>

#include "network_file.h"
#include "small.h"
#include "trained.h"

namespace {

using std::string;

void write(const string& path, const string& content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

// Initial weights of the small run, with so many units in its last layer.
string initial_weights(uint32_t last) {
  const uint32_t fields[] = {1, 2, 2, 0, 9, 3, 12, last, 3, last};
  string content(8 + sizeof fields + 4 * (9 * 3 + 12 * last + 3 * (3 + last)) + 4, '\0');
  std::memcpy(content.data(), "EDGEBNNW", 8);
  std::memcpy(content.data() + 8, fields, sizeof fields);
  for (size_t at = 8 + sizeof fields, i = 0; at + 4 < content.size(); at += 4)
    fuzz::put(content, at, (static_cast<float>(++i % 7) - 3) / 4);
  fuzz::seal(content);
  return content;
}

string with(string text, const string& line, const string& instead) {
  return text.replace(text.find(line), line.size(), instead);
}

}  // namespace

int main(int count, char** arguments) {
  const string corpus = count > 1 ? arguments[1] : "corpus";
  const string run = fuzz::kRunText;
  const string real = with(with(run, "bool", "f32"), "bnn", "l2");
  write(corpus + "/run_file/proposed", run);
  write(corpus + "/run_file/standard", with(real, "max_pool 2\nlayer flatten", "flatten"));
  write(corpus + "/run_file/bop", with(with(run, "adam", "bop\ngamma 0.001\ntau 1e-6"),
                                       "layer conv 3 3 1 same", "layer conv 5 3 2 valid # odd"));
  write(corpus + "/data_file/small", fuzz::small_data());
  write(corpus + "/data_file/empty", fuzz::small_data().replace(28, 12, 12, '\0').substr(0, 64));

  write(corpus + "/initial_weights/same-classes", initial_weights(3));
  write(corpus + "/initial_weights/other-classes", initial_weights(5));

  std::filesystem::create_directories(corpus + "/network_file");
  tests::Trained conv(tests::run_of(
      {5, 4, 1}, {"conv 3 3 2 same", "batch_norm", "sign", "conv 2 1 1 valid", "batch_norm", "sign",
                  "max_pool 2", "flatten", "dense 2", "batch_norm"}));
  conv.write(corpus + "/network_file/conv");
  tests::Trained dense(tests::run_of(
      {3, 1, 2}, {"flatten", "dense 65", "batch_norm", "sign", "dense 3", "batch_norm"}));
  dense.write(corpus + "/network_file/dense");

  std::filesystem::create_directories(corpus + "/checkpoint");
  for (const size_t steps : {1, 4}) {
    fuzz::Small small;
    small.model.initialise(7);
    const string path = corpus + "/checkpoint/step-" + std::to_string(steps);
    edgebnn::Checkpoint checkpoint = small.checkpoint(path);
    edgebnn::Trainer trainer = small.trainer();
    trainer.run(steps, {.checkpoint = &checkpoint}, [](const auto&) {});
    std::filesystem::remove(path + ".previous");
  }
}
