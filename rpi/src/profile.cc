#include "profile.h"

#include <optional>
#include <vector>

namespace edgebnn {
namespace {

// In the order of Phases.
std::vector<std::string> names_of(const Network& network) {
  std::vector<std::string> names;
  for (const Block& block : network.blocks) names.push_back(block.name + ": forward");
  names.emplace_back("loss");
  for (size_t l = network.blocks.size(); l-- > 0;) {
    names.push_back(network.blocks[l].name + ": norm and dW");
    if (l > 0) names.push_back(network.blocks[l].name + ": dX");
  }
  return names;
}

std::string pair_of(const Life& life) {
  return "[" + std::to_string(life.first) + "," + std::to_string(life.last) + "]";
}

}  // namespace

std::string profile_of(const Network& network, const Phases& phases, const Arena& arena) {
  std::string text = "{\"arena_bytes\":" + std::to_string(arena.planned_bytes()) +
                     ",\"peak_bytes\":" + std::to_string(arena.peak_bytes()) +
                     ",\"blocks\":" + std::to_string(phases.blocks) + ",\"phases\":[";
  const char* separator = "";
  for (const std::string& name : names_of(network)) {
    text += separator + ("\"" + name + "\"");
    separator = ",";
  }
  text += "],\"buffers\":[";
  separator = "";
  for (Arena::Id id = 0; id < arena.buffers().size(); ++id) {
    const Buffer& buffer = arena.buffers()[id];
    const std::optional<Life> used = arena.used(id);
    text += separator + ("{\"name\":\"" + buffer.name + "\",\"type\":\"" + buffer.type) +
            "\",\"bytes\":" + std::to_string(buffer.bytes) +
            ",\"offset\":" + std::to_string(buffer.offset) + ",\"life\":" + pair_of(buffer.life) +
            ",\"used\":" + (used ? pair_of(*used) : "null") + "}";
    separator = ",";
  }
  return text + "]}\n";
}

}  // namespace edgebnn
