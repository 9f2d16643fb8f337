#include "initial_weights.h"

#include <cstring>

#include "descriptor.h"
#include "errors.h"

namespace edgebnn {
namespace {

constexpr char kMagic[8] = {'E', 'D', 'G', 'E', 'B', 'N', 'N', 'W'};
constexpr uint32_t kVersion = 1;

struct Header {
  char magic[8];
  uint32_t version, layers, norms, zero;
};
static_assert(sizeof(Header) == 24);

std::string hexadecimal(uint32_t value) {
  std::string digits;
  for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[value >> shift & 15];
  return digits;
}

}  // namespace

void InitialWeights::refuse(const std::string& why) const { throw InputError(path_ + ": " + why); }

InitialWeights::InitialWeights(std::string path, const RunFile& run, const Network& network)
    : path_(std::move(path)), network_(network) {
  const Descriptor file(path_, O_RDONLY | O_CLOEXEC);
  struct stat status{};
  if (!file.is_open()) refuse(std::string("cannot be read: ") + std::strerror(errno));
  if (!file.status(status) || !S_ISREG(status.st_mode)) refuse("cannot be read: not a file");
  Summed content{file, {}};
  Header header{};
  if (!content.get(&header, sizeof header)) refuse("cut short: its header is not whole");
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0)
    refuse("not initial weights: it does not begin with EDGEBNNW");
  if (header.version != kVersion) {
    refuse("version " + std::to_string(header.version) + "; this edgebnn-train reads version " +
           std::to_string(kVersion));
  }
  const size_t blocks = network.blocks.size();
  if (header.layers != blocks || header.norms != blocks) {
    refuse(std::to_string(header.layers) + " layers with weights and " +
           std::to_string(header.norms) + " batch norms; " + run.path + " has " +
           std::to_string(blocks) + " of each");
  }
  // Fan-in and units of each layer, then units of each batch norm.
  std::vector<uint32_t> sizes(3 * blocks);
  if (!content.get(sizes.data(), sizes.size() * 4)) refuse("cut short: its header is not whole");
  check_layers(sizes);
  uint64_t values = 0;
  for (size_t l = 0; l < blocks; ++l)
    values += uint64_t{sizes[2 * l]} * sizes[2 * l + 1] + 3 * uint64_t{sizes[2 * blocks + l]};
  const uint64_t bytes = sizeof header + sizes.size() * 4 + values * 4 + 4;
  if (bytes != static_cast<uint64_t>(status.st_size)) {
    refuse(std::to_string(status.st_size) + " bytes, its layers need " + std::to_string(bytes));
  }
  uint32_t written = 0;
  if (!content.skip(values * 4) || !file.get(&written, sizeof written) ||
      written != content.crc.value()) {
    refuse("damaged or cut short: its checksum does not match");
  }
  if (hexadecimal(written) != run.init) {
    refuse("its checksum is " + hexadecimal(written) + "; " + run.path + " begins from " +
           run.init);
  }
  last_anew_ = sizes[2 * blocks - 1] != network.blocks.back().units();
  if (last_anew_ && network.blocks.back().frozen) {
    throw InputError(run.path + ": freeze: found " + std::to_string(network.blocks.back().number) +
                     ", the last layer, which has other units in " + path_ + " and begins anew");
  }
}

void InitialWeights::check_layers(const std::vector<uint32_t>& sizes) const {
  const size_t blocks = network_.blocks.size();
  for (size_t l = 0; l < blocks; ++l) {
    const Block& block = network_.blocks[l];
    const uint32_t fan_in = sizes[2 * l], units = sizes[2 * l + 1], normed = sizes[2 * blocks + l];
    if (fan_in == block.fan_in() && units == normed && (units == block.units() || block.last))
      continue;
    refuse(block.name + ": found " + std::to_string(units) + " units of " + std::to_string(fan_in) +
           " inputs, with " + std::to_string(normed) + " in the batch norm; needed are " +
           std::to_string(block.units()) + " of " + std::to_string(block.fan_in()));
  }
}

void InitialWeights::load(Model& model) const {
  const Descriptor file(path_, O_RDONLY | O_CLOEXEC);
  const size_t blocks = network_.blocks.size(), loaded = blocks - (last_anew_ ? 1 : 0);
  Summed content{file, {}};
  Header header{};
  std::vector<uint32_t> sizes(3 * blocks);
  bool good = file.is_open() && content.get(&header, sizeof header) &&
              content.get(sizes.data(), sizes.size() * 4);
  for (size_t l = 0; l < loaded && good; ++l) {
    const Block& block = network_.blocks[l];
    float w[kUnitsAtOnce];
    for (size_t j = 0; j < block.weights() && good;) {
      const size_t n = std::min(kUnitsAtOnce, block.units() - j % block.units());
      good = content.get(w, n * sizeof *w);
      model.set_weights(l, j, {w, n});
      j += n;
    }
  }
  if (last_anew_)
    good = good && content.skip(uint64_t{4} * sizes[2 * blocks - 2] * sizes[2 * blocks - 1]);
  for (size_t l = 0; l < loaded && good; ++l) {
    for (const std::span<float> part : model.norm(l))
      good = good && content.get(part.data(), part.size_bytes());
  }
  if (!good) throw JobError(path_ + ": cannot be read any more");
}

}  // namespace edgebnn
