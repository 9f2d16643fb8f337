#include "output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "errors.h"

namespace edgebnn {

void write_file(const std::string& path, const std::string& content) {
  const std::string temporary = path + ".part";
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
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
