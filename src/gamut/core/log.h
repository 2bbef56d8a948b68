// SPDX-License-Identifier: Apache-2.0
// Log lines and progress on stderr; stdout belongs to results. A plain header, since spdlog's fmt clashes
// with LibTorch's.
//
// Info lines stand as they are; others begin with "warning: " or "debug: ". As JSON, each line is one object:
//   {"time": 1795395172.2, "level": "info", "message": "step 10/160, …", "step": 10, "reward": 0.71}
// Safe to call from any thread. Names in messages may hold anything: what is not printable is replaced, and a
// line of more than a kilobyte loses its middle. A newline stands in info lines and errors alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gamut {

// The lowest level that is shown; kQuiet shows nothing.
enum class LogLevel { kDebug, kInfo, kWarning, kQuiet };
enum class LogFormat { kText, kJson };

// What a program reads in a line's stead; only JSON lines show it. Numbers that are not finite become null.
struct LogField {
  std::string key;
  std::variant<int64_t, double, std::string> value;
};
using LogFields = std::vector<LogField>;

void set_log_level(LogLevel level);     // kInfo at the start
void set_log_format(LogFormat format);  // kText at the start
void log_debug(std::string_view message);
void log_info(std::string_view message, const LogFields& fields = {});
void log_warning(std::string_view message);
// The program's last words; shown at every level. Text: "error: [where] …".
void log_error(std::string_view message, const LogFields& fields = {});

// A number as a line shows it: with this many decimals.
std::string rounded(double value, int decimals = 3);

// Whether progress is one line that is drawn over again: text on a terminal.
bool progress_is_live();
// That line, cut to the terminal's width and kept below the log lines; elsewhere an info line.
void show_progress(std::string_view line, const LogFields& fields = {});
void end_progress();  // the line stays as it is; call before results go to stdout

}  // namespace gamut
