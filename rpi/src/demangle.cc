// The C++ library reads the mangled names of exceptions that nobody catches, to print them. That
// reader is a sixth of the program, and of the memory that its code takes; main() catches all.
#include <version>

#if defined(_LIBCPP_VERSION)
#include <cstddef>

extern "C" char* __cxa_demangle(const char*, char*, size_t*, int* status) {
  constexpr int kNotMangled = -2;
  if (status != nullptr) *status = kNotMangled;
  return nullptr;
}
#endif
