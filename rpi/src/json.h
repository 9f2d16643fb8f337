// JSON, as far as one line of output needs it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace edgebnn {

class JsonObject {
 public:
  JsonObject& add(std::string_view key, std::string_view value);
  JsonObject& add(std::string_view key, const char* value) {
    return add(key, std::string_view(value));
  }
  JsonObject& add(std::string_view key, double value);
  JsonObject& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  JsonObject& add(std::string_view key, const JsonObject& value);
  // [[step, value], ...], steps from 1.
  JsonObject& add(std::string_view key, const std::vector<double>& series);
  std::string text() const { return "{" + fields_ + "}"; }

 private:
  JsonObject& raw(std::string_view key, const std::string& value);
  std::string fields_;
};

}  // namespace edgebnn
