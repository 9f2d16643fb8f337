// A command that tells something at once: vcgencmd, say.
#pragma once

#include <optional>
#include <string>

namespace edgebnn::measure {

// What it prints, without white space at its end; its words are separated by spaces. Nothing if it
// fails, prints nothing, or takes longer than a second.
std::optional<std::string> ask(const std::string& command);

}  // namespace edgebnn::measure
