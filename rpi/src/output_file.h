// A file that takes its final name only when it is complete and on the disk.
#pragma once

#include <string>

namespace edgebnn {

// Before any work: throws InputError if the file could not be written now. Leaves nothing behind.
void check_writable(const std::string& path);

// Throws JobError naming the file; nothing is left behind then.
void write_file(const std::string& path, const std::string& content);

}  // namespace edgebnn
