#include "network_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "crc32.h"
#include "errors.h"
#include "layers/packed_weights.h"
#include "output_file.h"

namespace edgebnn {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is written as it lies here");

constexpr char kMagic[] = "EDGEBNNN";
constexpr uint32_t kVersion = 2;    // 1 had no statistics behind the blocks
constexpr size_t kLayerBytes = 40;  // of a layer's line, zeros behind it
constexpr size_t kCrcBytes = 4;
constexpr uint32_t kMostSide = 4096, kMostLayers = 4096;

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t height, width, channels, classes, layers;
};
static_assert(sizeof(Header) == 32);

std::string line_of(const LayerLine& layer) {
  std::string line = layer.kind;
  for (const std::string& argument : layer.arguments) line += " " + argument;
  return line;
}

LayerLine layer_of(int number, const std::string& line) {
  LayerLine layer{number, line.substr(0, line.find(' ')), {}};
  for (size_t at = line.find(' '); at != std::string::npos;) {
    const size_t end = line.find(' ', at + 1);
    layer.arguments.push_back(line.substr(at + 1, end - at - 1));
    at = end;
  }
  return layer;
}

// Bytes of a block, its arrays each filled up to whole words; in 64 bits, as nothing is trusted
// yet.
uint64_t weight_bytes(const Block& block) {
  const Window& w = block.window;
  const auto channels = static_cast<uint64_t>(w.in.channels);
  const uint64_t taps = static_cast<uint64_t>(w.height) * static_cast<uint64_t>(w.width);
  const uint64_t words = block.first ? (taps * channels + 63) / 64 : taps * ((channels + 63) / 64);
  return block.units() * words * 8;
}

uint64_t norm_bytes(const Block& block) {
  return block.last ? block.units() * sizeof(UnitNorm) : (block.units() + 1) / 2 * 8;
}

// mu, psi and beta of each unit, behind all blocks: for a training that begins from here.
uint64_t statistics_bytes(const Block& block) { return 3 * block.units() * sizeof(float); }

bool products_fit(const Block& block) { return largest_product(block) < INT32_MAX; }

// Whether nothing but weights is set in a row of packed weights.
bool well_padded(const Lanes& lanes, const uint64_t* row) {
  const size_t used = lanes.per_group % 64;
  if (used == 0) return true;
  for (size_t group = 1; group <= lanes.groups; ++group) {
    if (row[group * lanes.words_per_group - 1] >> used != 0) return false;
  }
  return true;
}

}  // namespace

NetworkFile::NetworkFile(const std::string& path) : path_(path) {
  read();
  read_layers();
  place_blocks();
}

void NetworkFile::refuse(const std::string& why) const { throw InputError(path_ + ": " + why); }

void NetworkFile::read() {
  const int file = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) refuse(std::string("cannot be read: ") + std::strerror(errno));
  const struct Closing {
    int file;
    ~Closing() { close(file); }
  } closing{file};
  struct stat status{};
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) refuse("cannot be read: not a file");
  const auto get = [&](void* to, size_t from, size_t end) {
    for (auto* next = static_cast<char*>(to) + from; from < end;) {
      const ssize_t got = ::read(file, next, end - from);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) refuse(std::string("cannot be read: ") + std::strerror(errno));
      if (got == 0) refuse("cannot be read: the file has shrunk");
      next += got;
      from += static_cast<size_t>(got);
    }
  };
  bytes_ = static_cast<size_t>(status.st_size);
  Header header{};
  if (bytes_ < sizeof header + kCrcBytes) {
    refuse("cut short: " + std::to_string(bytes_) + " bytes, the header alone has " +
           std::to_string(sizeof header));
  }
  get(&header, 0, sizeof header);
  if (std::memcmp(header.magic, kMagic, 8) != 0)
    refuse(std::string("not a trained network: it does not begin with ") + kMagic);
  if (header.version != 1 && header.version != kVersion) {
    refuse("version " + std::to_string(header.version) +
           "; this edgebnn-train reads versions 1 and " + std::to_string(kVersion));
  }
  content_.resize((bytes_ + 7) / 8);
  std::memcpy(content_.data(), &header, sizeof header);
  get(content_.data(), sizeof header, bytes_);
  Crc32 crc;
  crc.add(content_.data(), bytes_ - kCrcBytes);
  uint32_t written = 0;
  const auto* end = reinterpret_cast<const char*>(content_.data()) + bytes_;
  std::memcpy(&written, end - kCrcBytes, kCrcBytes);
  if (crc.value() != written) refuse("damaged or cut short: its checksum does not match");
}

void NetworkFile::read_layers() {
  Header header{};
  std::memcpy(&header, content_.data(), sizeof header);
  for (const uint32_t side : {header.height, header.width, header.channels}) {
    if (side < 1 || side > kMostSide) refuse("image shape out of range");
  }
  if (header.layers > kMostLayers ||
      sizeof header + header.layers * kLayerBytes + kCrcBytes > bytes_) {
    refuse(std::to_string(header.layers) + " layers do not fit into it");
  }
  RunFile run;
  run.path = path_;
  run.height = static_cast<int>(header.height);
  run.width = static_cast<int>(header.width);
  run.channels = static_cast<int>(header.channels);
  const auto* lines = reinterpret_cast<const char*>(content_.data()) + sizeof header;
  for (uint32_t i = 0; i < header.layers; ++i) {
    const char* line = lines + i * kLayerBytes;
    run.layers.push_back(layer_of(static_cast<int>(i) + 1, {line, strnlen(line, kLayerBytes)}));
  }
  network_ = compile(run);
  if (static_cast<uint32_t>(network_.classes()) != header.classes) {
    refuse(std::to_string(header.classes) + " classes, but its layers give " +
           std::to_string(network_.classes()));
  }
}

void NetworkFile::place_blocks() {
  Header header{};
  std::memcpy(&header, content_.data(), sizeof header);
  const auto* bytes = reinterpret_cast<const char*>(content_.data());
  uint64_t at = sizeof header + header.layers * kLayerBytes;
  for (const Block& block : network_.blocks) {
    if (!products_fit(block)) refuse(block.name + ": more inputs than products have room for");
    const uint64_t weights = at, norms = weights + weight_bytes(block);
    at = norms + norm_bytes(block);
    if (at + kCrcBytes > bytes_) {
      refuse(std::to_string(bytes_) + " bytes, its layers need " + std::to_string(at + kCrcBytes) +
             " up to " + block.name);
    }
    TrainedBlock placed;
    placed.weights = reinterpret_cast<const uint64_t*>(bytes + weights);
    if (block.last) {
      placed.norms = reinterpret_cast<const UnitNorm*>(bytes + norms);
    } else {
      placed.thresholds = reinterpret_cast<const int32_t*>(bytes + norms);
    }
    blocks_.push_back(placed);
  }
  if (header.version > 1) {
    for (const Block& block : network_.blocks) at += statistics_bytes(block);
  }
  if (at + kCrcBytes != bytes_) {
    refuse(std::to_string(bytes_) + " bytes, its layers need " + std::to_string(at + kCrcBytes));
  }
  check_padding();
}

void NetworkFile::check_padding() const {
  for (size_t l = 0; l < blocks_.size(); ++l) {
    const Block& block = network_.blocks[l];
    const Lanes lanes = lanes_of(block);
    for (size_t o = 0; o < block.units(); ++o) {
      if (!well_padded(lanes, blocks_[l].weights + o * lanes.words()))
        refuse(block.name + ": bits are set that belong to no weight");
    }
  }
}

void check_exportable(const RunFile& run, const Network& network) {
  for (const LayerLine& layer : run.layers) {
    if (line_of(layer).size() > kLayerBytes) {
      throw InputError(run.path + ": layer " + std::to_string(layer.number) + " (" + layer.kind +
                       "): its line is longer than the " + std::to_string(kLayerBytes) +
                       " characters that --export has room for");
    }
  }
  for (const Block& block : network.blocks) {
    if (products_fit(block)) continue;
    throw InputError(run.path + ": " + block.name + ": its products of up to " +
                     std::to_string(largest_product(block)) +
                     " do not fit into the 32-bit integers of --export");
  }
}

void write_network(const std::string& path, const RunFile& run, const Model& model, Arena& arena) {
  OutputFile file(path);
  Crc32 crc;
  const auto put = [&](const void* data, size_t bytes) {
    crc.add(data, bytes);
    file.write(data, bytes);
  };
  const Network& network = model.network();
  const auto u32 = [](auto value) { return static_cast<uint32_t>(value); };
  Header header{{},
                kVersion,
                u32(network.input.height),
                u32(network.input.width),
                u32(network.input.channels),
                u32(network.classes()),
                u32(run.layers.size())};
  std::memcpy(header.magic, kMagic, 8);
  put(&header, sizeof header);
  for (const LayerLine& layer : run.layers) {
    std::string line = line_of(layer);
    line.resize(kLayerBytes);
    put(line.data(), kLayerBytes);
  }
  const Plan& plan = model.plan();
  for (size_t l = 0; l < network.blocks.size(); ++l) {
    const Block& block = network.blocks[l];
    const BlockBuffers& buffers = plan.blocks[l];
    arena.enter(plan.phases.forward(static_cast<int>(l)));
    auto* packed = arena.at<uint64_t>(buffers.packed_forward);
    pack_rows(chosen_kernels(), block, buffers.weight_format, arena.at(buffers.weights), packed);
    put(packed, weight_bytes(block));
    const auto* mu = arena.at<float>(buffers.moving_mu);
    const auto* psi = arena.at<float>(buffers.moving_psi);
    const auto* beta = arena.at<float>(buffers.beta);
    const auto largest = static_cast<int32_t>(largest_product(block));
    for (size_t o = 0; o < block.units(); ++o) {
      const UnitNorm norm{mu[o], reciprocal_of(psi[o]), beta[o]};
      const int32_t threshold = threshold_of(norm, largest);
      block.last ? put(&norm, sizeof norm) : put(&threshold, sizeof threshold);
    }
    const int32_t none = 0;
    if (!block.last && block.units() % 2 == 1) put(&none, sizeof none);
  }
  for (size_t l = 0; l < network.blocks.size(); ++l) {
    const BlockBuffers& buffers = plan.blocks[l];
    for (const Arena::Id row : {buffers.moving_mu, buffers.moving_psi, buffers.beta})
      put(arena.at(row), network.blocks[l].units() * sizeof(float));
  }
  const uint32_t checksum = crc.value();
  file.write(&checksum, sizeof checksum);
  file.finish();
}

}  // namespace edgebnn
