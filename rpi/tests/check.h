// The little that unit tests need: named cases, checks that say what they found, a closing line.
#pragma once

#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

namespace check {

struct Case {
  std::string name;
  std::function<void()> body;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Register {
  Register(std::string name, std::function<void()> body) {
    cases().push_back({std::move(name), std::move(body)});
  }
};

template <class A, class B>
void equal(const A& found, const B& expected, const char* file, int line, const char* text) {
  if (found == expected) return;
  ++failures();
  std::cerr << file << ":" << line << ": " << text << ": found " << found << ", expected "
            << expected << "\n";
}

// What `body` throws says, or that it threw nothing.
template <class Body>
std::string message_of(Body&& body) {
  try {
    body();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "(nothing was thrown)";
}

inline void contains(const std::string& found, const std::string& part, const char* file,
                     int line) {
  if (found.find(part) != std::string::npos) return;
  ++failures();
  std::cerr << file << ":" << line << ": found '" << found << "', expected it to contain '" << part
            << "'\n";
}

}  // namespace check

#define CHECK_JOIN2(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN2(a, b)
#define TEST(name)                                                                                 \
  static void CHECK_JOIN(test_, __LINE__)();                                                       \
  static const check::Register CHECK_JOIN(register_, __LINE__)(name, CHECK_JOIN(test_, __LINE__)); \
  static void CHECK_JOIN(test_, __LINE__)()
#define CONTAINS(found, part) check::contains(found, part, __FILE__, __LINE__)
#define EQUAL(found, expected) check::equal(found, expected, __FILE__, __LINE__, #found)
#define SAYS(statement, part) \
  check::contains(check::message_of([&] { statement; }), part, __FILE__, __LINE__)
