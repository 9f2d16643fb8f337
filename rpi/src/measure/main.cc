// edgebnn-measure: runs any command and writes down what it took: wall and processor time, peak
// memory, and samples of the device's temperature, clock and throttling while it ran. What a device
// does not tell is absent, never 0.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "../errors.h"
#include "../json.h"
#include "../output_file.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kForwarded[] = {SIGTERM, SIGINT, SIGHUP};

pid_t child = 0;

void forward(int signal) {
  if (child > 0) kill(child, signal);
}

struct Gauge {
  const char* name;
  const char* path;
  int base;  // of the digits in the file
  double scale;
};

std::optional<double> read_gauge(const Gauge& gauge) {
  const int file = open(gauge.path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  char text[64];
  const ssize_t got = read(file, text, sizeof text - 1);
  close(file);
  if (got <= 0) return std::nullopt;
  text[got] = '\0';
  char* end = nullptr;
  const long value = std::strtol(text, &end, gauge.base);
  if (end == text || (*end != '\0' && *end != '\n')) return std::nullopt;
  return static_cast<double>(value) * gauge.scale;
}

constexpr Gauge kGauges[] = {
    {"temperature_c", "/sys/class/thermal/thermal_zone0/temp", 10, 1e-3},
    {"clock_mhz", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", 10, 1e-3},
    {"throttled_flags", "/sys/devices/platform/soc/soc:firmware/get_throttled", 16, 1},
};

double seconds(Clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// One sample: monotonic time, then every gauge that answers.
std::string sample() {
  edgebnn::JsonObject line;
  line.add("time_s", seconds(Clock::now()));
  for (const Gauge& gauge : kGauges) {
    if (const auto value = read_gauge(gauge)) line.add(gauge.name, *value);
  }
  return line.text();
}

struct Arguments {
  std::string output;
  double interval = 1;
  char** command = nullptr;
};

Arguments parse(int count, char** arguments) {
  Arguments parsed;
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (name == "--") {
      if (i + 1 < count) parsed.command = arguments + i + 1;
      break;
    }
    if ((name != "--output" && name != "--interval") || i + 1 >= count) {
      throw edgebnn::InputError(
          name + ": usage: edgebnn-measure --output FILE [--interval SECONDS] -- COMMAND ...");
    }
    const char* value = arguments[++i];
    if (name == "--output") parsed.output = value;
    if (name == "--interval") {
      char* end = nullptr;
      parsed.interval = std::strtod(value, &end);
      if (*end != '\0' || !(parsed.interval >= 0.01 && parsed.interval <= 3600)) {
        throw edgebnn::InputError("--interval: found '" + std::string(value) +
                                  "', allowed is 0.01 to 3600 seconds");
      }
    }
  }
  if (parsed.output.empty() || parsed.command == nullptr) {
    throw edgebnn::InputError(
        "usage: edgebnn-measure --output FILE [--interval SECONDS] -- COMMAND ...");
  }
  return parsed;
}

int measure(const Arguments& arguments) {
  edgebnn::check_writable(arguments.output);
  // Signals wait until there is a child to have them; the child starts with what this process had.
  sigset_t forwarded, mask;
  sigemptyset(&forwarded);
  for (const int signal : kForwarded) sigaddset(&forwarded, signal);
  sigprocmask(SIG_BLOCK, &forwarded, &mask);
  struct sigaction action{}, before[std::size(kForwarded)];
  action.sa_handler = forward;
  for (size_t i = 0; i < std::size(kForwarded); ++i) sigaction(kForwarded[i], &action, &before[i]);
  struct sigaction ignore_until_wait{};
  ignore_until_wait.sa_handler = [](int) {};
  sigaction(SIGALRM, &ignore_until_wait, nullptr);

  const auto start = Clock::now();
  child = fork();
  if (child < 0) throw edgebnn::JobError(std::string("fork: ") + std::strerror(errno));
  if (child == 0) {
    for (size_t i = 0; i < std::size(kForwarded); ++i)
      sigaction(kForwarded[i], &before[i], nullptr);
    sigprocmask(SIG_SETMASK, &mask, nullptr);
    execvp(arguments.command[0], arguments.command);
    std::fprintf(stderr, "edgebnn-measure: %s: %s\n", arguments.command[0], std::strerror(errno));
    _exit(127);
  }
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  const auto micro = static_cast<long>(arguments.interval * 1e6);
  const timeval every{micro / 1000000, static_cast<suseconds_t>(micro % 1000000)};
  const itimerval timer{every, every};
  setitimer(ITIMER_REAL, &timer, nullptr);  // ends the wait below, once an interval

  std::string samples = sample();
  rusage usage{};
  int status = 0;
  while (wait4(child, &status, 0, &usage) < 0) {
    if (errno != EINTR) throw edgebnn::JobError(std::string("wait: ") + std::strerror(errno));
    samples += "," + sample();
  }
  const auto end = Clock::now();
  const int exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  edgebnn::JsonObject result;
  result.add("start_s", seconds(start))
      .add("end_s", seconds(end))
      .add("wall_s", seconds(end) - seconds(start))
      .add("user_s", seconds(usage.ru_utime))
      .add("system_s", seconds(usage.ru_stime))
      .add("peak_memory_bytes", static_cast<double>(usage.ru_maxrss) * 1024.0)
      .add("exit_status", exit_status);
  std::string text = result.text();
  text.insert(text.size() - 1, ",\"samples\":[" + samples + "]");
  edgebnn::write_file(arguments.output, text + "\n");
  return exit_status;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return measure(parse(count, arguments));
  } catch (const edgebnn::InputError& error) {
    std::fprintf(stderr, "edgebnn-measure: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "edgebnn-measure: %s\n", error.what());
    return 1;
  }
}
