#include "output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "errors.h"

namespace edgebnn {
namespace {

std::string temporary_of(const std::string& path) { return path + ".part"; }

int create(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

}  // namespace

void check_writable(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    throw InputError(path + ": cannot be written: it is a directory");
  }
  // Its name would be taken from it: a device, say, is gone then.
  if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw InputError(path + ": cannot be written: it is no regular file");
  }
  const std::string temporary = temporary_of(path);
  const int file = create(temporary);
  if (file < 0) throw InputError(path + ": cannot be written: " + std::strerror(errno));
  close(file);
  unlink(temporary.c_str());
}

OutputFile::OutputFile(std::string path)
    : path_(std::move(path)), file_(create(temporary_of(path_))) {
  if (file_ < 0) fail();
}

OutputFile::~OutputFile() {
  if (file_ < 0) return;
  close(file_);
  unlink(temporary_of(path_).c_str());
}

void OutputFile::write(const void* data, size_t bytes) {
  const auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t wrote = ::write(file_, next, bytes);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) fail();
    next += wrote;
    bytes -= static_cast<size_t>(wrote);
  }
}

void OutputFile::finish() {
  if (fsync(file_) != 0 || std::rename(temporary_of(path_).c_str(), path_.c_str()) != 0) fail();
  close(file_);
  file_ = -1;
}

void OutputFile::fail() const {
  throw JobError(path_ + ": cannot be written: " + std::strerror(errno));
}

void write_file(const std::string& path, const std::string& content) {
  OutputFile file(path);
  file.write(content.data(), content.size());
  file.finish();
}

}  // namespace edgebnn
