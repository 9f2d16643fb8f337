// The file of a trained network: small, checked to the last bit, refused by name.
#include "network_file.h"

#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "check.h"
#include "crc32.h"
#include "trained.h"

using namespace edgebnn;

namespace {

const std::vector<std::string> kLayers = {"conv 3 3 2 same", "batch_norm", "sign",
                                          "flatten",         "dense 2",    "batch_norm"};

std::string content_of(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

void put(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::string refusal(const std::string& path, const std::string& content) {
  put(path, content);
  return check::message_of([&] { NetworkFile file(path); });
}

// The same with its checksum set right.
std::string forged(const std::string& path, std::string content, size_t at, char value) {
  content[at] = value;
  Crc32 crc;
  crc.add(content.data(), content.size() - 4);
  const uint32_t checksum = crc.value();
  std::memcpy(content.data() + content.size() - 4, &checksum, 4);
  return refusal(path, content);
}

}  // namespace

TEST("network file: layers, a bit a weight, an integer a unit") {
  tests::Trained trained(tests::run_of({5, 4, 1}, kLayers, 6));
  const tests::Folder folder;
  trained.write(folder.file());
  const NetworkFile file(folder.file());
  EQUAL(file.network().classes(), 2);
  EQUAL(file.network().blocks.size(), size_t{2});
  EQUAL(show(file.network().blocks[0].window.out), std::string("3x2x3"));
  EQUAL(file.network().blocks[1].name, std::string("layer 5 (dense)"));
  // Header, 6 layers; 3 units of a word and an integer, filled up; 2 units of 6 taps and 3 floats;
  // statistics of all 5.
  EQUAL(content_of(folder.file()).size(),
        size_t{32 + 6 * 40 + (3 * 8 + 4 * 4) + (2 * 6 * 8 + 2 * 12) + 5 * 12 + 4});
  for (size_t o = 0; o < 3; ++o) {
    float w = 0;
    trained.arena.enter(0);
    for (size_t i = 0; i < 9; ++i) {
      const edgebnn::BlockBuffers& buffers = trained.plan.blocks[0];
      load(buffers.weight_format, trained.arena.at(buffers.weights),
           i * row_stride(buffers.weight_format, 3) + o, 1, &w);
      EQUAL(file.block(0).weights[o] >> i & 1, uint64_t{w >= 0});
    }
    EQUAL(std::abs(file.block(0).thresholds[o]) <= 9 * 255 + 1, true);
  }
}

TEST("network file: every changed byte and every shorter file is refused") {
  tests::Trained trained(tests::run_of({5, 4, 1}, kLayers, 6));
  const tests::Folder folder;
  const std::string path = folder.file();
  trained.write(path);
  const std::string good = content_of(path);
  for (size_t at = 0; at < good.size(); ++at) {
    for (const int bit : {0, 7}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 1 << bit);
      const std::string said = refusal(path, bad);
      CONTAINS(said, path + ": ");
      CONTAINS(said, at < 8    ? "not a trained network"
                     : at < 12 ? "this edgebnn-train reads versions 1 and 2"
                               : "damaged or cut short: its checksum does not match");
    }
  }
  for (size_t bytes = 0; bytes < good.size(); ++bytes)
    CONTAINS(refusal(path, good.substr(0, bytes)), "cut short");
  CONTAINS(refusal(path, good + "x"), "its checksum does not match");
  EQUAL(refusal(path, good), std::string("(nothing was thrown)"));
}

TEST("network file: one that agrees with its checksum is still not trusted") {
  tests::Trained trained(tests::run_of({5, 4, 1}, kLayers, 6));
  const tests::Folder folder;
  const std::string path = folder.file();
  trained.write(path);
  const std::string good = content_of(path);
  const size_t blocks = 32 + 6 * 40;
  CONTAINS(forged(path, good, 13, 'x'), "image shape out of range");
  CONTAINS(forged(path, good, 24, 9), "9 classes, but its layers give 2");
  CONTAINS(forged(path, good, 28, 0), "layer: missing");
  CONTAINS(forged(path, good, 28, 100), "100 layers do not fit into it");
  CONTAINS(forged(path, good, 31, 1), "layers do not fit into it");
  CONTAINS(forged(path, good, 32, 'k'), "layer 1 (konv): unknown");
  CONTAINS(forged(path, good, 32 + 5, 'x'), "layer 1 (conv): found 'x'");
  CONTAINS(forged(path, good, 32 + 5, '9'), "its layers need");
  CONTAINS(forged(path, good, 32 + 5, '1'), "its layers need");
  CONTAINS(forged(path, good, blocks + 1, 2), "layer 1 (conv): bits are set that belong to no");
  CONTAINS(forged(path, good, blocks + 40, 8), "layer 5 (dense): bits are set that belong to no");
  std::string huge = good;
  std::memcpy(huge.data() + 32, "conv 1048576 1048575 1048576 same", 33);
  CONTAINS(forged(path, huge, 33, 'o'), "more inputs than products have room for");
}

TEST("network file: foreign files") {
  const tests::Folder folder;
  CONTAINS(refusal(folder.file(), "EDGEBNND" + std::string(60, '\0')),
           "not a trained network: it does not begin with EDGEBNNN");
  SAYS(NetworkFile(std::string(folder.path)), "cannot be read: not a file");
  SAYS(NetworkFile(folder.file() + ".none"), "cannot be read: No such file");
}

TEST("export: what has no such file is refused before work") {
  const auto refused = [](const std::vector<std::string>& layers, Shape input) {
    const RunFile run = tests::run_of(input, layers);
    return check::message_of([&] { check_exportable(run, compile(run)); });
  };
  EQUAL(refused(kLayers, {5, 4, 1}), std::string("(nothing was thrown)"));
  CONTAINS(refused({"flatten", "dense 2", "batch_norm"}, {4096, 4096, 1}),
           "case.run: layer 2 (dense): its products of up to 4278190080 do not fit");
}
