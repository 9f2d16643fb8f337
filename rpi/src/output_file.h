// A file that takes its final name only when it is complete and on the disk.
#pragma once

#include <cstddef>
#include <string>

namespace edgebnn {

// Before any work: throws InputError if the file could not be written now. Leaves nothing behind.
void check_writable(const std::string& path);

// A file written piece by piece. What fails throws JobError naming the file; nothing is left behind
// then, nor without finish().
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, size_t bytes);
  // Syncs, and gives the file its name.
  void finish();

 private:
  [[noreturn]] void fail() const;

  std::string path_;
  int file_;
};

// All of it at once.
void write_file(const std::string& path, const std::string& content);

}  // namespace edgebnn
