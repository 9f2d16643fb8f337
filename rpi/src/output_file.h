// A file that takes its final name only when it is complete and on the disk.
#pragma once

#include <string>

namespace edgebnn {

// Throws JobError naming the file; nothing is left behind then.
void write_file(const std::string& path, const std::string& content);

}  // namespace edgebnn
