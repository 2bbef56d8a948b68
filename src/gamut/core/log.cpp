// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/log.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace gamut {
namespace {

// Created on first use, so that logging from static initialization is safe too.
spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("gamut", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

struct State {
  std::mutex mutex;
  LogFormat format = LogFormat::kText;
  std::string progress;  // the line that is drawn; "" = none
};
State& state() {
  static State instance;
  return instance;
}

std::string as_json(const char* level, std::string_view message, const LogFields& fields) {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  nlohmann::ordered_json line{{"time", now.count()}, {"level", level}, {"message", std::string(message)}};
  for (const LogField& field : fields)
    std::visit([&](const auto& value) { line[field.key] = value; }, field.value);
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void write_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

// The first `columns` characters of UTF-8 text.
std::string_view cut(std::string_view text, size_t columns) {
  size_t end = 0;
  for (size_t shown = 0; end < text.size(); ++end)
    if ((uint8_t(text[end]) & 0xC0) != 0x80 && shown++ == columns) break;
  return text.substr(0, end);
}

void draw(const std::string& line) {
  winsize size{};
  const size_t columns =
      ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
  write_stderr(cat("\r\x1b[2K", cut(line, columns)));
}

// Each line of a message as it may be shown: names in it may come from files and hold anything.
std::string shown(std::string_view message) {
  std::string text;
  for (size_t begin = 0;; ++begin) {
    const size_t end = std::min(message.find('\n', begin), message.size());
    text += printable_message(message.substr(begin, end - begin));
    if (end == message.size()) return text;
    text += '\n';
    begin = end;
  }
}

// The message is an argument, never the format string: braces in it must stay as they are.
void write_line(spdlog::level::level_enum level, const char* name, std::string_view prefix,
                std::string_view message, const LogFields& fields) {
  if (!logger().should_log(level)) return;
  const std::lock_guard lock(state().mutex);
  if (state().format == LogFormat::kJson) return logger().log(level, "{}", as_json(name, message, fields));
  if (!state().progress.empty()) write_stderr("\r\x1b[2K");
  logger().log(level, "{}{}", prefix, message);
  if (!state().progress.empty()) draw(state().progress);
}

}  // namespace

void set_log_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return logger().set_level(spdlog::level::debug);
    case LogLevel::kInfo:
      return logger().set_level(spdlog::level::info);
    case LogLevel::kWarning:
      return logger().set_level(spdlog::level::warn);
    case LogLevel::kQuiet:
      return logger().set_level(spdlog::level::off);
  }
}

void set_log_format(LogFormat format) { state().format = format; }

void log_debug(std::string_view message) {
  write_line(spdlog::level::debug, "debug", "debug: ", printable_message(message), {});
}
void log_info(std::string_view message, const LogFields& fields) {
  write_line(spdlog::level::info, "info", "", shown(message), fields);
}
void log_warning(std::string_view message) {
  write_line(spdlog::level::warn, "warning", "warning: ", printable_message(message), {});
}

void log_error(std::string_view message, const LogFields& fields) {
  end_progress();
  const bool json = state().format == LogFormat::kJson;
  write_stderr(json ? as_json("error", shown(message), fields) + "\n" : cat("error: ", shown(message), "\n"));
}

std::string rounded(double value, int decimals) {
  char text[400];  // the largest double has 309 digits before its point
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

bool progress_is_live() {
  static const bool terminal = [] {
    const char* kind = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
  }();
  return terminal && state().format == LogFormat::kText;
}

void show_progress(std::string_view line, const LogFields& fields) {
  if (!progress_is_live()) return log_info(line, fields);
  if (!logger().should_log(spdlog::level::info)) return;
  const std::lock_guard lock(state().mutex);
  state().progress = printable_message(line);
  draw(state().progress);
}

void end_progress() {
  const std::lock_guard lock(state().mutex);
  if (!state().progress.empty()) write_stderr("\n");
  state().progress.clear();
}

}  // namespace gamut
