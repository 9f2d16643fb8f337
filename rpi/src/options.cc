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
                                                     {"--init", &options.init},
                                                     {"--output", &options.output},
                                                     {"--dump", &options.dump},
                                                     {"--stamps", &options.stamps},
                                                     {"--profile", &options.profile},
                                                     {"--checkpoint", &options.checkpoint},
                                                     {"--export", &options.export_file},
                                                     {"--predict", &options.predict}};
  const std::map<std::string, size_t*> numbers = {
      {"--steps", &options.steps},
      {"--threads", &options.threads},
      {"--checkpoint-every", &options.checkpoint_every}};
  const std::map<std::string, bool*> flags = {{"--plan", &options.plan},
                                              {"--json", &options.json},
                                              {"--resume", &options.resume},
                                              {"--verified", &options.verified}};
  bool every = false;
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (name == "--help" || name == "-h") {
      options.help = true;
      return options;
    }
    if (const auto flag = flags.find(name); flag != flags.end()) {
      *flag->second = true;
      continue;
    }
    const auto file = files.find(name);
    const auto number = numbers.find(name);
    if (file == files.end() && number == numbers.end()) {
      throw InputError(name + ": unknown option; edgebnn-train --help lists them");
    }
    if (++i == count) throw InputError(name + ": needs a value");
    const std::string value = arguments[i];
    if (file != files.end()) {
      *file->second = value;
      continue;
    }
    const size_t least = name == "--checkpoint-every" ? 0 : 1;
    size_t& found = *number->second;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), found);
    if (error != std::errc() || *end != '\0' || found < least) {
      throw InputError(name + ": found '" + value + "', allowed is a whole number of at least " +
                       std::to_string(least));
    }
    if (name == "--threads" && found > kMostThreads) {
      throw InputError("--threads: found '" + value + "', at most " + std::to_string(kMostThreads) +
                       " are allowed");
    }
    if (name == "--checkpoint-every") every = true;
  }
  if (!options.predict.empty()) {
    const bool trains = !options.run.empty() || !options.init.empty() || !options.dump.empty() ||
                        !options.stamps.empty() || !options.profile.empty() ||
                        !options.export_file.empty() || !options.checkpoint.empty() ||
                        options.plan || options.json || options.steps > 0;
    if (trains) throw InputError("--predict: goes with --data, --output and --threads alone");
  } else if (options.run.empty()) {
    throw InputError("--run: missing");
  }
  if (options.data.empty() && !options.plan) throw InputError("--data: missing");
  if (options.json && !options.plan) throw InputError("--json: goes with --plan alone");
  if (options.checkpoint.empty() && (options.resume || every)) {
    throw InputError(std::string(options.resume ? "--resume" : "--checkpoint-every") +
                     ": needs --checkpoint, the file");
  }
  if (options.resume && !options.dump.empty()) {
    throw InputError("--dump: not with --resume, as it begins with the first step");
  }
  return options;
}

}  // namespace edgebnn
