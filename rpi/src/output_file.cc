#include "output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

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
  const std::string temporary = temporary_of(path);
  const int file = create(temporary);
  if (file < 0) throw InputError(path + ": cannot be written: " + std::strerror(errno));
  close(file);
  unlink(temporary.c_str());
}

void write_file(const std::string& path, const std::string& content) {
  const std::string temporary = temporary_of(path);
  const int file = create(temporary);
  bool good = file >= 0;
  for (size_t done = 0; good && done < content.size();) {
    const ssize_t wrote = write(file, content.data() + done, content.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    good = wrote > 0;
    done += good ? static_cast<size_t>(wrote) : 0;
  }
  good = good && fsync(file) == 0 && std::rename(temporary.c_str(), path.c_str()) == 0;
  const std::string reason = std::strerror(errno);
  if (file >= 0) close(file);
  if (good) return;
  if (file >= 0) unlink(temporary.c_str());
  throw JobError(path + ": cannot be written: " + reason);
}

}  // namespace edgebnn
