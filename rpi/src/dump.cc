#include "dump.h"

#include "output_file.h"

namespace edgebnn {

Dump::Dump(std::string path, const RunFile& run, Model& model, Arena& arena)
    : path_(std::move(path)), run_(run), model_(model), arena_(arena) {
  content_ = "EDGEBNNS";
  const uint32_t version = 1;
  append(&version, 4);
  model_.watch([](void* self, size_t block) { static_cast<Dump*>(self)->signs_of(block); }, this);
}

void Dump::append(const void* data, size_t bytes) {
  content_.append(static_cast<const char*>(data), bytes);
}

void Dump::signs_of(size_t l) {
  const Block& block = model_.network().blocks[l];
  if (block.last) return;
  const auto* bits = arena_.at<uint64_t>(model_.plan().blocks[l].signs);
  const size_t words = words_for(block.units());
  for (size_t row = 0; row < run_.batch_size * block.normed.positions(); ++row) {
    for (size_t c = 0; c < block.units(); ++c) {
      signs_ += static_cast<char>(bits[row * words + c / 64] >> (c % 64) & 1);
    }
  }
}

void Dump::step(double loss) {
  append(&loss, 8);
  content_ += signs_;
  signs_.clear();
  const auto& blocks = model_.network().blocks;
  for (size_t l = 0; l < blocks.size(); ++l) {
    const BlockBuffers& buffers = model_.plan().blocks[l];
    const void* weights = arena_.at(buffers.weights);
    const Format format = buffers.weight_format;
    const size_t units = blocks[l].units(), stride = row_stride(format, units);
    for (size_t j = 0; j < blocks[l].weights(); ++j) {
      float value = 0;
      load(format, weights, j / units * stride + j % units, 1, &value);
      append(&value, 4);
    }
  }
  for (size_t l = 0; l < blocks.size(); ++l) {
    append(arena_.at(model_.plan().blocks[l].beta), blocks[l].units() * 4);
  }
}

void Dump::finish() const { write_file(path_, content_); }

}  // namespace edgebnn
