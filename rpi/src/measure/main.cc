// edgebnn-measure: runs any command and writes down what it took: wall and processor time, memory,
// and samples of power, temperature, clock and throttling, from before it starts to its end.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

#include "../errors.h"
#include "../json.h"
#include "../output_file.h"
#include "memory_limit.h"
#include "memory_watch.h"
#include "moment.h"
#include "options.h"
#include "sampler.h"
#include "time_limit.h"

namespace edgebnn::measure {
namespace {

constexpr int kForwarded[] = {SIGTERM, SIGINT, SIGHUP};

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double own_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Measurement {
 public:
  explicit Measurement(const Options& options)
      : options_(options),
        sampler_(options),
        limit_(options.memory_limit_mib),
        time_limit_(options.time_limit) {
    sigemptyset(&waited_);
    sigaddset(&waited_, SIGCHLD);
    for (const int signal : kForwarded) sigaddset(&waited_, signal);
    sigprocmask(SIG_BLOCK, &waited_, &before_);
    // What the command leaves behind becomes this process's own, and so is counted.
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  }

  // Returns the command's exit status, 128 + the signal's number if one ended it.
  int run() {
    const double idle_ends = now() + options_.idle;
    while (exit_status_ < 0 && now() < idle_ends) {
      if (const int signal = wait(idle_ends, nullptr); signal > 0 && signal != SIGCHLD)
        exit_status_ = 128 + signal;
    }
    start_ = now();
    if (exit_status_ < 0) follow();
    write();
    return exit_status_;
  }

 private:
  void follow() {
    const uint64_t kills_before = MemoryLimit::kills();
    child_ = fork();
    if (child_ < 0) throw JobError(std::string("fork: ") + std::strerror(errno));
    if (child_ == 0) become();
    memory_.begin(child_);
    time_limit_.begin(start_);
    while (exit_status_ < 0) {
      const int signal = wait(time_limit_.due(), &memory_);
      if (signal == SIGCHLD) reap();
      if (signal > 0 && signal != SIGCHLD) {
        kill(child_, signal);
        write();  // should this process, too, be killed
      }
      if (exit_status_ < 0) time_limit_.keep(child_);
    }
    if (sampler_.samples()) sampler_.sample(nullptr);  // to the end
    if (time_limit_.passed()) {
      std::fprintf(stderr, "edgebnn-measure: %s ran past its time limit of %g s\n",
                   options_.command[0], time_limit_.seconds());
      return;
    }
    killed_for_memory_ = exit_status_ == 128 + SIGKILL && MemoryLimit::kills() > kills_before;
    if (killed_for_memory_) tell_the_kill();
  }

  void tell_the_kill() const {
    std::fprintf(stderr, "edgebnn-measure: %s was killed for memory", options_.command[0]);
    if (limit_.bytes() > 0)
      std::fprintf(stderr, " under a limit of %.0f MiB (%s)", limit_.bytes() / (1 << 20),
                   limit_.by());
    std::fputs("\n", stderr);
  }

  [[noreturn]] void become() {
    sigprocmask(SIG_SETMASK, &before_, nullptr);
    if (!limit_.enter()) {
      std::fprintf(stderr, "edgebnn-measure: --memory-limit: %s\n", std::strerror(errno));
      _exit(126);
    }
    execvp(options_.command[0], options_.command);
    std::fprintf(stderr, "edgebnn-measure: %s: %s\n", options_.command[0], std::strerror(errno));
    _exit(127);
  }

  // A signal that came before `until`, 0 if none did; takes a sample where one is due.
  int wait(double until, MemoryWatch* memory) {
    const double due = sampler_.samples() ? std::min(until, sampler_.due()) : until;
    int signal = 0;
    if (std::isinf(due)) {
      sigwait(&waited_, &signal);
      return signal;
    }
    const double left = std::max(0.0, due - now());
    const auto whole = static_cast<time_t>(left);
    const timespec time{whole, static_cast<long>((left - static_cast<double>(whole)) * 1e9)};
    signal = sigtimedwait(&waited_, nullptr, &time);
    if (sampler_.samples() && now() >= sampler_.due()) sampler_.sample(memory);
    return std::max(signal, 0);
  }

  void reap() {
    rusage usage{};
    int status = 0;
    pid_t ended = 0;
    while ((ended = wait4(-1, &status, WNOHANG, &usage)) > 0) {
      user_ += seconds(usage.ru_utime);
      system_ += seconds(usage.ru_stime);
      peak_ = std::max(peak_, static_cast<double>(usage.ru_maxrss) * 1024);
      if (ended != child_) continue;
      exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      end_ = now();
    }
  }

  void write() const {
    const double end = end_ > 0 ? end_ : now();
    JsonObject result;
    result.add("start_s", start_)
        .add("end_s", end)
        .add("wall_s", end - start_)
        .add("user_s", user_)
        .add("system_s", system_)
        .add("measuring_s", own_seconds());
    if (peak_ > 0) result.add("peak_memory_bytes", peak_);
    if (memory_.peak_resident() > 0) {
      result.add("peak_tree_rss_bytes", memory_.peak_resident())
          .add("processes", static_cast<double>(memory_.most_processes()));
    }
    if (memory_.peak_proportional() > 0)
      result.add("peak_tree_pss_bytes", memory_.peak_proportional());
    if (sampler_.samples()) result.add("samples", static_cast<double>(sampler_.count()));
    if (!sampler_.stopped().empty()) result.add("samples_stopped", sampler_.stopped());
    if (limit_.bytes() > 0) {
      result.add("memory_limit_bytes", limit_.bytes()).add("memory_limit_by", limit_.by());
    }
    if (time_limit_.seconds() > 0) result.add("time_limit_s", time_limit_.seconds());
    if (exit_status_ >= 0) {
      result.flag("killed_for_memory", killed_for_memory_)
          .flag("killed_for_time", time_limit_.passed())
          .add("exit_status", static_cast<double>(exit_status_));
    }
    write_file(options_.output, result.text() + "\n");
  }

  const Options& options_;
  Sampler sampler_;
  MemoryWatch memory_;
  MemoryLimit limit_;
  TimeLimit time_limit_;
  sigset_t waited_{}, before_{};
  pid_t child_ = 0;
  int exit_status_ = -1;  // none yet
  bool killed_for_memory_ = false;
  double start_ = 0, end_ = 0, user_ = 0, system_ = 0, peak_ = 0;
};

void tell_the_time() {
  for (std::string line; std::getline(std::cin, line);) {
    std::printf("%.9f\n", now());
    std::fflush(stdout);
  }
}

int main_of(int count, char** arguments) {
  try {
    const Options options = parse_options(count, arguments);
    if (options.help) std::fputs(kUsage, stdout);
    if (options.clock) tell_the_time();
    if (options.help || options.clock) return 0;
    check_writable(options.output);
    return Measurement(options).run();
  } catch (const InputError& error) {
    std::fprintf(stderr, "edgebnn-measure: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "edgebnn-measure: %s\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace edgebnn::measure

int main(int count, char** arguments) { return edgebnn::measure::main_of(count, arguments); }
