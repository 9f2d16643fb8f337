#include "run_file.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "errors.h"

namespace edgebnn {
namespace {

using Words = std::vector<std::string>;

// The lines of a file. By C's streams: C++'s would double the program's resident size.
std::vector<std::string> lines_of(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"),
                                                   [](FILE* open) { return std::fclose(open); });
  if (file == nullptr) throw InputError(path + ": cannot be read: " + std::strerror(errno));
  std::vector<std::string> lines(1);
  for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get())) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += static_cast<char>(c);
    }
  }
  if (std::ferror(file.get()) != 0) {
    throw InputError(path + ": cannot be read: " + std::strerror(errno));
  }
  return lines;
}

template <class Number>
std::string show(Number number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

Words split(const std::string& line) {
  constexpr const char* kSpace = " \t\r";
  const std::string text = line.substr(0, line.find('#'));
  Words words;
  for (size_t at = text.find_first_not_of(kSpace); at != std::string::npos;) {
    const size_t end = text.find_first_of(kSpace, at);
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return words;
}

std::string joined(const Words& words, size_t from = 0) {
  std::string text;
  for (size_t i = from; i < words.size(); ++i) text += (i > from ? " " : "") + words[i];
  return text;
}

// One line being read: reports mistakes with its place.
class Line {
 public:
  Line(const std::string& path, int number, Words words)
      : path_(path), number_(number), words_(std::move(words)) {}

  const std::string& key() const { return words_[0]; }
  const Words& words() const { return words_; }

  [[noreturn]] void refuse(const std::string& allowed) const {
    throw InputError(path_ + ": line " + std::to_string(number_) + ": " + key() + ": found '" +
                     joined(words_, 1) + "', allowed " + allowed);
  }

  const std::string& value(size_t count = 1, size_t index = 1) const {
    if (words_.size() != count + 1) {
      refuse(count == 1 ? "is one value" : "are " + std::to_string(count) + " values");
    }
    return words_[index];
  }

  template <class Number>
  Number number(Number least, Number most, size_t count = 1, size_t index = 1) const {
    const std::string& text = value(count, index);
    Number parsed{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (error != std::errc() || end != text.data() + text.size() || !(parsed >= least) ||
        !(parsed <= most)) {
      refuse("is a number from " + show(least) + " to " + show(most));
    }
    return parsed;
  }

  template <class Value>
  Value choice(const std::map<std::string, Value>& choices) const {
    const auto found = choices.find(value());
    if (found == choices.end()) {
      std::string names;
      for (const auto& [name, unused] : choices) names += (names.empty() ? "" : ", ") + name;
      refuse("are " + names);
    }
    return found->second;
  }

 private:
  const std::string& path_;
  int number_;
  Words words_;
};

Schedule schedule_of(const Line& line) {
  using enum Schedule::Kind;
  const Words& words = line.words();
  const bool warms = words.size() > 3 && words[words.size() - 2] == "warmup";
  const size_t count = words.size() - 1, own = count - (warms ? 2 : 0);
  const std::string kind = own > 0 ? words[1] : "";
  Schedule schedule;
  if ((kind == "step" || kind == "plateau") && own == 3) {
    schedule.kind = kind == "step" ? step : plateau;
    schedule.factor = line.number(0.0, 1.0, count, 2);
    schedule.every = line.number(1, 1 << 30, count, 3);
  } else if (kind == "cosine" && own == 2) {
    schedule.kind = cosine;
    schedule.floor = line.number(0.0, 3e38, count, 2);
  } else if (kind != "constant" || own != 1) {
    line.refuse(
        "are 'constant', 'step FACTOR EVERY', 'plateau FACTOR PATIENCE', 'cosine FLOOR'; "
        "behind each may stand 'warmup EPOCHS'");
  }
  if (warms) schedule.warmup = line.number(1, 1 << 24, count, count);
  return schedule;
}

using Reader = std::function<void(const Line&, RunFile&)>;

const std::map<std::string, Reader>& readers() {
  constexpr int kMost = 1 << 24;
  using enum Format;
  static const std::map<std::string, Reader> table = {
      {"run_id", [](const Line& l, RunFile& r) { r.run_id = l.value(); }},
      {"seed", [](const Line& l, RunFile& r) { r.seed = l.number<uint64_t>(0, UINT64_MAX); }},
      {"batch_size", [](const Line& l, RunFile& r) { r.batch_size = l.number(1, kMost); }},
      {"epochs", [](const Line& l, RunFile& r) { r.epochs = l.number(1, kMost); }},
      {"optimizer", [](const Line& l, RunFile& r) { r.optimizer = l.value(); }},
      {"learning_rate", [](const Line& l, RunFile& r) { r.learning_rate = l.number(1e-30, 3e38); }},
      {"gamma", [](const Line& l, RunFile& r) { r.gamma = l.number(0.0, 1.0); }},
      {"tau", [](const Line& l, RunFile& r) { r.tau = l.number(0.0, 3e38); }},
      {"schedule", [](const Line& l, RunFile& r) { r.schedule = schedule_of(l); }},
      {"shift",
       [](const Line& l, RunFile& r) {
         const size_t count = l.words().size() > 2 ? 2 : 1;  // SHIFT, or SHIFT FILL
         r.shift = l.number(0.0, 0.5, count, 1);
         if (count == 2) {
           const std::string& fill = l.value(2, 2);
           if (fill != "edge" && fill != "zero") l.refuse("are a number, then edge or zero");
           r.zero_fill = fill == "zero";
         }
         if (r.shift == 0.5) l.refuse("is a number from 0 to below 0.5");
       }},
      {"init",
       [](const Line& l, RunFile& r) {
         r.init = l.value();
         if (r.init.size() != 8 ||
             r.init.find_first_not_of("0123456789abcdef") != std::string::npos)
           l.refuse("are eight digits of 0-9 and a-f");
       }},
      {"freeze",
       [](const Line& l, RunFile& r) {
         const size_t count = l.words().size() - 1;
         if (count == 0) l.refuse("are numbers of layers");
         for (size_t i = 1; i <= count; ++i) r.frozen.push_back(l.number(1, kMost, count, i));
       }},
      {"flip", [](const Line& l,
                  RunFile& r) { r.flip = l.choice<bool>({{"false", false}, {"true", true}}); }},
      {"activations",
       [](const Line& l, RunFile& r) {
         r.switches.activations = l.choice<Format>({{"f32", f32}, {"f16", f16}, {"bool", bit}});
       }},
      {"batch_norm",
       [](const Line& l, RunFile& r) {
         using enum Switches::BatchNorm;
         r.switches.batch_norm = l.choice<Switches::BatchNorm>(
             {{"l2", l2}, {"l1", l1}, {"bnn", bnn}, {"bnn-xn", bnn_xn}});
       }},
      {"gradient_dtype",
       [](const Line& l, RunFile& r) {
         r.switches.gradients =
             l.choice<Format>({{"f32", f32}, {"f16", f16}, {"i16", i16}, {"i8", i8}, {"i6", i6}});
       }},
      {"momentum_dtype",
       [](const Line& l, RunFile& r) {
         r.switches.momenta = l.choice<Format>(
             {{"f32", f32}, {"f16", f16}, {"q15", q15}, {"i8", i8_momentum}, {"i4", i4_momentum}});
       }},
      {"weight_dtype",
       [](const Line& l, RunFile& r) {
         r.switches.weights = l.choice<Format>(
             {{"f32", f32}, {"f16", f16}, {"q15", q15}, {"i8", i8_weight}, {"bool", bit}});
       }},
      {"weight_gradient",
       [](const Line& l, RunFile& r) {
         r.switches.binary_weight_gradient = l.choice<bool>({{"f32", false}, {"bool", true}});
       }},
      {"ste",
       [](const Line& l, RunFile& r) {
         r.switches.clip_ste = l.choice<bool>({{"clip", true}, {"identity", false}});
       }},
      // All masks give the same results; the trainer always keeps 2-bit indices.
      {"pool_mask",
       [](const Line& l, RunFile&) { l.choice<int>({{"f32", 0}, {"bool", 0}, {"index", 0}}); }},
      {"input",
       [](const Line& l, RunFile& r) {
         r.height = l.number(1, 4096, 3, 1);
         r.width = l.number(1, 4096, 3, 2);
         r.channels = l.number(1, 4096, 3, 3);
       }},
  };
  return table;
}

void check(const RunFile& run) {
  const bool bnn = run.switches.batch_norm == Switches::BatchNorm::bnn;
  if (run.switches.activations == Format::bit && !bnn) {
    throw InputError(
        run.path +
        ": batch_norm: all but bnn need real activations in backward, which activations "
        "bool does not keep; allowed is bnn");
  }
  const bool averages =
      run.switches.momenta == Format::i8_momentum || run.switches.momenta == Format::i4_momentum;
  if (averages && !run.switches.binary_weight_gradient) {
    throw InputError(run.path +
                     ": momentum_dtype: i8 and i4 hold averages of signs, which weight_gradient "
                     "f32 does not give; allowed are f32, f16, q15");
  }
  if (run.switches.weights == Format::bit && run.optimizer != "bop") {
    throw InputError(run.path + ": weight_dtype: bool keeps no weight that optimizer " +
                     run.optimizer + " could move; allowed is bop");
  }
  const int warmup = run.schedule.warmup;
  if (warmup >= run.epochs) {
    throw InputError(run.path + ": schedule: found warmup " + std::to_string(warmup) +
                     ", fewer than the " + std::to_string(run.epochs) + " epochs are allowed");
  }
  if (run.layers.empty()) throw InputError(run.path + ": layer: missing");
}

}  // namespace

RunFile read_run_file(const std::string& path) {
  const std::vector<std::string> lines = lines_of(path);
  RunFile run;
  run.path = path;
  std::set<std::string> seen;
  for (int number = 1; number <= static_cast<int>(lines.size()); ++number) {
    const std::string& text = lines[static_cast<size_t>(number) - 1];
    const Line line(run.path, number, split(text));
    const std::string place = path + ": line " + std::to_string(number) + ": ";
    if (number == 1) {
      if (line.words() != Words{"edgebnn-run", "1"}) {
        throw InputError(place + "found '" + text + "', a run file begins with 'edgebnn-run 1'");
      }
      continue;
    }
    if (line.words().empty()) continue;
    run.text += joined(line.words()) + "\n";
    if (line.key() == "layer") {
      if (line.words().size() < 2) line.refuse("are a layer's name and arguments");
      const Words& words = line.words();
      run.layers.push_back(
          {static_cast<int>(run.layers.size()) + 1, words[1], {words.begin() + 2, words.end()}});
      continue;
    }
    const auto reader = readers().find(line.key());
    if (reader == readers().end()) throw InputError(place + "unknown key '" + line.key() + "'");
    if (!seen.insert(line.key()).second) throw InputError(place + line.key() + ": stands twice");
    reader->second(line, run);
  }
  for (const auto& [key, unused] : readers()) {
    const bool of_bop = key == "gamma" || key == "tau";
    if (of_bop && run.optimizer != "bop") {
      if (seen.contains(key)) throw InputError(path + ": " + key + ": only optimizer bop has it");
      continue;
    }
    const bool optional = key == "init" || key == "freeze";
    if (!optional && !seen.contains(key)) throw InputError(path + ": " + key + ": missing");
  }
  check(run);
  return run;
}

}  // namespace edgebnn
