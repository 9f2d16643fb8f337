#include "sampler.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../errors.h"
#include "ask.h"
#include "moment.h"

namespace edgebnn::measure {
namespace {

constexpr double kShare = 2.5e-4;  // of a core, for what the device is like
constexpr double kFlushed = 1.0;   // seconds: what a killed process loses at most

struct Gauge {
  const char* name;
  const char* path;  // under --sys
  int base;          // of the digits in the file
  double scale;
};

constexpr Gauge kGauges[] = {
    {"temperature_c", "/class/thermal/thermal_zone0/temp", 10, 1e-3},
    {"clock_mhz", "/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", 10, 1e-3},
    {"throttled_flags", "/devices/platform/soc/soc:firmware/get_throttled", 16, 1},
};

}  // namespace

Sampler::Sampler(const Options& options) : options_(options), due_(now()) {
  if (options.samples.empty()) return;
  for (const auto& [name, path] : options.files)
    power_files_.emplace_back(name, OpenSmallFile(path));
  file_ = std::fopen(options.samples.c_str(), "we");
  if (file_ == nullptr)
    throw InputError(options.samples + ": cannot be written: " + std::strerror(errno));
  std::setvbuf(file_, buffer_.data(), _IOFBF, buffer_.size());
}

Sampler::~Sampler() {
  if (file_ != nullptr) std::fclose(file_);
}

void Sampler::sample(MemoryWatch* memory) {
  const double began = now();
  const auto texts = power();
  JsonObject line;
  line.add("time_s", (began + now()) / 2);
  for (const auto& [name, text] : texts) line.add(name, text);
  if (memory != nullptr) memory->sample(line);
  conditions(line);
  write(line.text() + "\n");
  ++count_;
  // Late ones are left out, not made up for.
  due_ = std::max(due_ + options_.interval, now());
}

std::vector<std::pair<std::string, std::string>> Sampler::power() {
  std::vector<std::pair<std::string, std::string>> texts;
  for (auto& [name, file] : power_files_) {
    if (const auto text = file.read()) texts.emplace_back(name, *text);
  }
  for (const auto& [name, command] : options_.programs) {
    if (const auto text = ask(command)) texts.emplace_back(name, *text);
  }
  return texts;
}

void Sampler::conditions(JsonObject& line) {
  if (!conditions_.begins(kShare)) return;
  for (const Gauge& gauge : kGauges) {
    if (const auto value = read_number(options_.sys + gauge.path, gauge.base))
      line.add(gauge.name, static_cast<double>(*value) * gauge.scale);
  }
  conditions_.ends();
}

void Sampler::write(const std::string& line) {
  if (!stopped_.empty()) return;
  const double time = now();
  const bool flush = time >= flush_due_;
  if (flush) flush_due_ = time + kFlushed;
  if (std::fputs(line.c_str(), file_) < 0 || (flush && std::fflush(file_) != 0))
    stopped_ = options_.samples + ": cannot be written: " + std::strerror(errno);
}

}  // namespace edgebnn::measure
