#include <exception>

#include "check.h"

int main() {
  int failed = 0;
  for (const check::Case& test : check::cases()) {
    const int before = check::failures();
    try {
      test.body();
    } catch (const std::exception& error) {
      ++check::failures();
      std::cerr << "threw: " << error.what() << "\n";
    }
    if (check::failures() == before) continue;
    ++failed;
    std::cerr << "FAILED " << test.name << "\n";
  }
  std::cout << check::cases().size() - static_cast<size_t>(failed) << " passed, " << failed
            << " failed\n";
  return failed != 0;
}
