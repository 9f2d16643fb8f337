#include "checkpoint.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <type_traits>

#include "descriptor.h"
#include "errors.h"

namespace edgebnn {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian");
static_assert(std::is_trivially_copyable_v<Position>);
static_assert(sizeof(Position) == 18 * 8);

constexpr char kMagic[8] = {'E', 'D', 'G', 'E', 'B', 'N', 'N', 'C'};
constexpr uint32_t kVersion = 1;
constexpr uint64_t kMostTimes = 1 << 16;  // far above what Trainer keeps

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t text_bytes;
  uint64_t bytes;  // of the whole file
  uint32_t data_checksum;
  uint32_t zero;
};
static_assert(sizeof(Header) == 32);

// The series, in the order they have in the file.
template <class OfProgress>
auto series_of(OfProgress& progress) {
  return std::array{&progress.loss_of, &progress.accuracy_of, &progress.validation_loss_of,
                    &progress.validation_accuracy_of, &progress.step_seconds};
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Checkpoint::Checkpoint(std::string path, double every, const RunFile& run, const DataFile& data,
                       Model& model)
    : path_(std::move(path)),
      part_(path_ + ".part"),
      previous_(path_ + ".previous"),
      folder_(folder_of(path_)),
      every_(every),
      run_(run),
      data_(data),
      state_(model.state()) {}

bool Checkpoint::due() const { return std::chrono::steady_clock::now() - last_ >= every_; }

uint64_t Checkpoint::bytes_with(const Position& position) const {
  uint64_t bytes = sizeof(Header) + run_.text.size() + sizeof(Position) +
                   sizeof(double) * (4 * position.epoch + position.times) + sizeof(uint32_t);
  for (const auto& part : state_) bytes += part.size();
  return bytes;
}

void Checkpoint::save(const Progress& progress) {
  const bool good = write_part(progress) && put_in_place();
  if (!good) {
    const int reason = errno;
    unlink(part_.c_str());
    if (!failed_) {
      std::fprintf(stderr,
                   "edgebnn-train: warning: %s: checkpoint not written: %s; training goes on\n",
                   path_.c_str(), std::strerror(reason));
    }
  }
  failed_ = !good;
  last_ = std::chrono::steady_clock::now();
}

bool Checkpoint::write_part(const Progress& progress) const {
  const Descriptor file(part_, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  Crc32 crc;
  bool good = file.is_open();
  const auto put = [&](const void* data, size_t bytes) {
    good = good && file.put(data, bytes);
    if (good) crc.add(data, bytes);
  };
  Header header{
      {}, kVersion, static_cast<uint32_t>(run_.text.size()), bytes_with(progress), data_.checksum(),
      0};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  put(&header, sizeof header);
  put(run_.text.data(), run_.text.size());
  put(static_cast<const Position*>(&progress), sizeof(Position));
  for (const auto* series : series_of(progress))
    put(series->data(), series->size() * sizeof(double));
  for (const auto& part : state_) put(part.data(), part.size());
  const uint32_t sum = crc.value();
  put(&sum, sizeof sum);
  return good && file.sync();
}

bool Checkpoint::put_in_place() {
  if (good_ && std::rename(path_.c_str(), previous_.c_str()) != 0 && errno != ENOENT) return false;
  good_ = false;
  if (std::rename(part_.c_str(), path_.c_str()) != 0) return false;
  good_ = true;
  const Descriptor folder(folder_, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder.is_open()) folder.sync();  // some file systems cannot; theirs is in order without
  return true;
}

Checkpoint::Resumed Checkpoint::resume(Progress& progress) {
  const Found newest = inspect(path_);
  if (!newest.missing && newest.refused.empty()) {
    load(path_, progress);
    good_ = true;
    return {path_, ""};
  }
  const Found older = inspect(previous_);
  if (newest.missing && older.missing) return {};
  const std::string refused = newest.missing ? path_ + ": missing" : newest.refused;
  if (older.missing || !older.refused.empty()) {
    throw InputError(refused + "; " + (older.missing ? previous_ + ": missing" : older.refused) +
                     "; nothing to resume from; remove them to start anew");
  }
  load(previous_, progress);
  return {previous_, refused};
}

Checkpoint::Found Checkpoint::inspect(const std::string& path) const {
  const auto refused = [&](const std::string& why) { return Found{false, path + ": " + why}; };
  const Descriptor file(path, O_RDONLY | O_CLOEXEC);
  if (!file.is_open() && errno == ENOENT) return {true, ""};
  struct stat status{};
  if (!file.is_open() || !file.status(status))
    return refused(std::string("cannot be read: ") + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return refused("cannot be read: not a file");
  const auto bytes = static_cast<uint64_t>(status.st_size);
  if (bytes < sizeof(Header)) return refused("truncated: " + std::to_string(bytes) + " bytes");

  Summed content{file, {}};
  Header header{};
  if (!content.get(&header, sizeof header)) return refused("cannot be read");
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0)
    return refused("not a checkpoint: it does not begin with EDGEBNNC");
  if (header.bytes != bytes) {
    return refused(std::to_string(bytes) + " bytes, its header promises " +
                   std::to_string(header.bytes));
  }
  constexpr uint64_t kLeast = sizeof(Header) + sizeof(Position) + sizeof(uint32_t);
  if (bytes < kLeast || header.text_bytes > bytes - kLeast)
    return refused("damaged: its header does not fit its length");
  std::string text(header.text_bytes, '\0');
  Position position;
  uint32_t sum = 0;
  if (!content.get(text.data(), text.size()) || !content.get(&position, sizeof position) ||
      !content.skip(bytes - kLeast - header.text_bytes) || !file.get(&sum, sizeof sum)) {
    return refused("cannot be read");
  }
  if (sum != content.crc.value()) return refused("damaged: its checksum does not match");
  if (header.version != kVersion) {
    return refused("version " + std::to_string(header.version) + "; this trainer reads version " +
                   std::to_string(kVersion));
  }
  if (text != run_.text) return refused("of another run: " + difference(text));
  if (header.data_checksum != data_.checksum())
    return refused("of other data than " + data_.path());
  const bool fits = position.epoch <= static_cast<uint64_t>(run_.epochs) &&
                    position.times <= kMostTimes && bytes == bytes_with(position);
  if (!fits) return refused("damaged: its parts do not make up its length");
  return {};
}

// The first lines that differ.
std::string Checkpoint::difference(const std::string& text) const {
  const auto [theirs, ours] =
      std::mismatch(text.begin(), text.end(), run_.text.begin(), run_.text.end());
  const auto line = [](const std::string& of, size_t at) {
    const size_t begin = at == 0 ? 0 : of.rfind('\n', at - 1) + 1;
    return "'" + of.substr(begin, of.find('\n', begin) - begin) + "'";
  };
  return "it has " + line(text, static_cast<size_t>(theirs - text.begin())) + " where " +
         run_.path + " has " + line(run_.text, static_cast<size_t>(ours - run_.text.begin()));
}

// From a file that was inspected.
void Checkpoint::load(const std::string& path, Progress& progress) {
  const Descriptor file(path, O_RDONLY | O_CLOEXEC);
  Summed content{file, {}};
  bool good = file.is_open() && content.skip(sizeof(Header) + run_.text.size()) &&
              content.get(static_cast<Position*>(&progress), sizeof(Position));
  if (good) {
    for (auto* series : series_of(progress))
      series->resize(series == &progress.step_seconds ? progress.times : progress.epoch);
    for (auto* series : series_of(progress))
      good = good && content.get(series->data(), series->size() * sizeof(double));
    for (const auto& part : state_) good = good && content.get(part.data(), part.size());
  }
  if (!good) throw JobError(path + ": cannot be read any more");
}

}  // namespace edgebnn
