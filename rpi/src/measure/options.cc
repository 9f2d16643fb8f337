#include "options.h"

#include <cstdlib>
#include <cstring>
#include <map>

#include "../errors.h"

namespace edgebnn::measure {
namespace {

double number(const std::string& option, const char* value, double least, double most,
              const char* allowed) {
  char* end = nullptr;
  const double found = std::strtod(value, &end);
  if (end == value || *end != '\0' || !(found >= least && found <= most)) {
    throw InputError(option + ": found '" + value + "', allowed is " + allowed);
  }
  return found;
}

std::pair<std::string, std::string> named(const std::string& option, const char* value) {
  const char* equals = std::strchr(value, '=');
  if (equals == nullptr || equals == value || equals[1] == '\0') {
    throw InputError(option + ": found '" + value +
                     "', wanted is NAME=" + (option == "--read" ? "FILE" : "COMMAND"));
  }
  return {std::string(value, equals), equals + 1};
}

}  // namespace

Options parse_options(int count, char** arguments) {
  Options options;
  const std::map<std::string, std::string*> texts = {
      {"--output", &options.output}, {"--samples", &options.samples}, {"--sys", &options.sys}};
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (name == "--") {
      if (i + 1 < count) options.command = arguments + i + 1;
      break;
    }
    if (name == "--help" || name == "-h") {
      options.help = true;
      return options;
    }
    if (name == "--clock") {
      options.clock = true;
      continue;
    }
    const auto text = texts.find(name);
    const bool known = text != texts.end() || name == "--interval" || name == "--idle" ||
                       name == "--read" || name == "--ask" || name == "--memory-limit" ||
                       name == "--time-limit";
    if (!known) throw InputError(name + ": unknown option; edgebnn-measure --help lists them");
    if (++i == count) throw InputError(name + ": needs a value");
    const char* value = arguments[i];
    if (text != texts.end()) *text->second = value;
    if (name == "--interval")
      options.interval = number(name, value, 0.01, 3600, "0.01 to 3600 seconds");
    if (name == "--idle") options.idle = number(name, value, 0, 3600, "0 to 3600 seconds");
    if (name == "--read") options.files.push_back(named(name, value));
    if (name == "--ask") options.programs.push_back(named(name, value));
    if (name == "--memory-limit")
      options.memory_limit_mib =
          static_cast<long>(number(name, value, 1, 1 << 20, "1 to 2^20 MiB"));
    if (name == "--time-limit")
      options.time_limit = number(name, value, 0.001, 1e8, "0.001 to 10^8 seconds");
  }
  if (options.clock) return options;
  if (options.output.empty()) throw InputError("--output: missing; edgebnn-measure --help");
  if (options.command == nullptr) throw InputError("-- COMMAND: missing; edgebnn-measure --help");
  const bool sampled = options.idle > 0 || !options.files.empty() || !options.programs.empty();
  if (sampled && options.samples.empty())
    throw InputError("--idle, --read and --ask need --samples, the file");
  return options;
}

}  // namespace edgebnn::measure
