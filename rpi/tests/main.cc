// All tests, or those in whose names one of the arguments stands.
#include <algorithm>
#include <exception>

#include "check.h"

int main(int argc, char** argv) {
  int passed = 0, failed = 0;
  for (const check::Case& test : check::cases()) {
    const auto named = [&](const char* part) { return test.name.find(part) != std::string::npos; };
    if (argc > 1 && std::none_of(argv + 1, argv + argc, named)) continue;
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
