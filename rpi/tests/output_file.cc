// A file has its final name only when it is complete.
#include "output_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "check.h"

namespace edgebnn {
namespace {

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

TEST("output file: complete or not there") {
  char folder[] = "/tmp/edgebnn-output-XXXXXX";
  EQUAL(mkdtemp(folder) != nullptr, true);
  const std::string path = std::string(folder) + "/record.json";
  check_writable(path);
  EQUAL(exists(path), false);
  EQUAL(exists(path + ".part"), false);
  write_file(path, "first");
  write_file(path, "second\n");
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  EQUAL(content.str(), "second\n");
  EQUAL(exists(path + ".part"), false);
  unlink(path.c_str());

  SAYS(check_writable(std::string(folder) + "/none/record"),
       "none/record: cannot be written: No such");
  SAYS(check_writable(folder), "it is a directory");
  mkfifo(path.c_str(), 0600);
  SAYS(check_writable(path), "it is no regular file");
  unlink(path.c_str());
  SAYS(write_file(std::string(folder) + "/none/record", "x"), "cannot be written");
  SAYS(write_file(folder, "x"), "cannot be written");
  EQUAL(exists(std::string(folder) + ".part"), false);
  {
    OutputFile file(path);
    file.write("half", 4);
    EQUAL(exists(path), false);
  }
  EQUAL(exists(path) || exists(path + ".part"), false);
  OutputFile file(path);
  file.write("all", 3);
  file.finish();
  EQUAL(exists(path) && !exists(path + ".part"), true);
  unlink(path.c_str());
  SAYS(OutputFile(std::string(folder) + "/none/record"), "cannot be written: No such");
  rmdir(folder);
}

}  // namespace
}  // namespace edgebnn
