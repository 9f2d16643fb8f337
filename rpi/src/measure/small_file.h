// Files of a few bytes that the system makes as they are read: /proc, /sys.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace edgebnn::measure {

// The text without white space at its end; nothing if it cannot be read, or is empty.
std::optional<std::string> read_small(const std::string& path);

// The same again and again: the file stays open, and is opened anew when reading it fails.
class OpenSmallFile {
 public:
  explicit OpenSmallFile(std::string path) : path_(std::move(path)) {}
  ~OpenSmallFile();
  OpenSmallFile(OpenSmallFile&& other) noexcept;
  OpenSmallFile& operator=(OpenSmallFile&& other) noexcept;

  std::optional<std::string> read();

 private:
  std::string path_;
  int file_ = -1;
};

// A whole number in it, with nothing beside it.
std::optional<long> read_number(const std::string& path, int base = 10);

// Writes a text to a file that is there. False if that fails: errno says why.
bool write_small(const std::string& path, const std::string& text);

}  // namespace edgebnn::measure
