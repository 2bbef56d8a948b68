// SPDX-License-Identifier: Apache-2.0
// Log lines on stderr; stdout belongs to results. A plain header, since spdlog's fmt clashes with LibTorch's.
//
// Info lines stand as they are; others begin with "warning: " or "debug: ". Safe to call from any thread.
#pragma once

#include <string_view>

namespace gamut {

// The lowest level that is shown; kQuiet shows nothing.
enum class LogLevel { kDebug, kInfo, kWarning, kQuiet };

void set_log_level(LogLevel level);  // kInfo at the start
void log_debug(std::string_view message);
void log_info(std::string_view message);
void log_warning(std::string_view message);

}  // namespace gamut
