#include "options.h"

#include <charconv>
#include <map>

#include "errors.h"

namespace edgebnn {
namespace {
constexpr size_t kMostThreads = 64;
}

Options parse_options(int count, char** arguments) {
  Options options;
  const std::map<std::string, std::string*> files = {{"--run", &options.run},
                                                     {"--data", &options.data},
                                                     {"--output", &options.output},
                                                     {"--dump", &options.dump}};
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (name == "--help" || name == "-h") {
      options.help = true;
      return options;
    }
    if (name == "--plan") {
      options.plan = true;
      continue;
    }
    const auto file = files.find(name);
    if (file == files.end() && name != "--steps" && name != "--threads") {
      throw InputError(name + ": unknown option; edgebnn-train --help lists them");
    }
    if (++i == count) throw InputError(name + ": needs a value");
    const std::string value = arguments[i];
    if (file != files.end()) {
      *file->second = value;
      continue;
    }
    size_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || *end != '\0' || number == 0) {
      throw InputError(name + ": found '" + value + "', allowed is a whole number of at least 1");
    }
    if (name == "--steps") options.steps = number;
    if (name == "--threads") {
      if (number > kMostThreads) {
        throw InputError("--threads: found '" + value + "', at most " +
                         std::to_string(kMostThreads) + " are allowed");
      }
      options.threads = number;
    }
  }
  if (options.run.empty()) throw InputError("--run: missing");
  if (options.data.empty() && !options.plan) throw InputError("--data: missing");
  return options;
}

}  // namespace edgebnn
