#include "small_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>

namespace edgebnn::measure {

namespace {

int open_small(const std::string& path) {
  // Not blocking: a pipe, say, that is no such file.
  return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

std::optional<std::string> read_from_its_start(int file) {
  char text[4096];
  ssize_t got = file < 0 ? -1 : pread(file, text, sizeof text, 0);
  while (got > 0 && std::isspace(static_cast<unsigned char>(text[got - 1]))) --got;
  if (got <= 0) return std::nullopt;
  return std::string(text, static_cast<size_t>(got));
}

}  // namespace

std::optional<std::string> read_small(const std::string& path) {
  const int file = open_small(path);
  auto text = read_from_its_start(file);
  if (file >= 0) close(file);
  return text;
}

OpenSmallFile::~OpenSmallFile() {
  if (file_ >= 0) close(file_);
}

OpenSmallFile::OpenSmallFile(OpenSmallFile&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}

OpenSmallFile& OpenSmallFile::operator=(OpenSmallFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  return *this;
}

std::optional<std::string> OpenSmallFile::read() {
  if (file_ >= 0) {
    if (auto text = read_from_its_start(file_)) return text;
    close(file_);
  }
  file_ = open_small(path_);
  return read_from_its_start(file_);
}

std::optional<long> read_number(const std::string& path, int base) {
  const auto text = read_small(path);
  if (!text) return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const long value = std::strtol(text->c_str(), &end, base);
  if (*end != '\0' || errno != 0) return std::nullopt;
  return value;
}

bool write_small(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t wrote = write(file, text.data(), text.size());
  const int why = errno;
  close(file);
  errno = why;
  return wrote == static_cast<ssize_t>(text.size());
}

}  // namespace edgebnn::measure
