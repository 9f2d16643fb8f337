#include "json.h"

#include <charconv>
#include <cstdio>

namespace edgebnn {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

// The shortest text that reads back as the same number.
std::string number(double value) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return {text, end};
}

}  // namespace

JsonObject& JsonObject::raw(std::string_view key, const std::string& value) {
  if (!fields_.empty()) fields_ += ",";
  fields_ += quoted(key) + ":" + value;
  return *this;
}

JsonObject& JsonObject::add(std::string_view key, std::string_view value) {
  return raw(key, quoted(value));
}
JsonObject& JsonObject::add(std::string_view key, double value) { return raw(key, number(value)); }
JsonObject& JsonObject::add(std::string_view key, const JsonObject& value) {
  return raw(key, value.text());
}

JsonObject& JsonObject::add(std::string_view key, const std::vector<double>& series) {
  std::string text = "[";
  for (size_t i = 0; i < series.size(); ++i) {
    text += (i > 0 ? "," : "") + ("[" + std::to_string(i + 1) + "," + number(series[i]) + "]");
  }
  return raw(key, text + "]");
}

}  // namespace edgebnn
