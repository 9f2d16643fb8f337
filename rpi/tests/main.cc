// All tests, or those in whose names one of the arguments stands; but none with PART for an
// argument -PART.
#include <exception>

#include "check.h"
#include "kernels/registry.h"

static bool wanted(const std::string& name, char** parts, char** end) {
  bool all = true, named = false;
  for (; parts != end; ++parts) {
    const std::string part = *parts;
    if (part[0] == '-') {
      if (name.find(part.substr(1)) != std::string::npos) return false;
      continue;
    }
    all = false;
    named = named || name.find(part) != std::string::npos;
  }
  return all || named;
}

int main(int argc, char** argv) {
  for (const edgebnn::Kernels& kernels : edgebnn::all_kernels()) {
    if (!kernels.runs()) std::cout << "SKIP " << kernels.name << ": not on this machine\n";
  }
  int passed = 0, failed = 0;
  for (const check::Case& test : check::cases()) {
    if (!wanted(test.name, argv + 1, argv + argc)) continue;
    const int before = check::failures();
    try {
      test.body();
    } catch (const std::exception& error) {
      ++check::failures();
      std::cerr << "threw: " << error.what() << "\n";
    }
    if (check::failures() == before) {
      ++passed;
      continue;
    }
    ++failed;
    std::cerr << "FAILED " << test.name << "\n";
  }
  std::cout << passed << " passed, " << failed << " failed\n";
  return failed != 0;
}
