// SPDX-License-Identifier: Apache-2.0
// Errors of gamut: one hierarchy, one line each, an exit code per class.
//
//   throw DataError("safetensors", cat("header of '", path, "' ends early; got ", n, " bytes; expected ",
//   m));
//
// Message form: [where] rule that was broken; got X; expected Y; what to do.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gamut {

// Joins its arguments as an output stream would print them.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  out.precision(9);
  (out << ... << parts);
  return out.str();
}

enum class ExitCode : int { kConfig = 2, kData = 3, kEnvironment = 4, kNumerical = 5, kInternal = 70 };

// The exit code of a run that ended early because it was asked to, as shells have it for Ctrl-C.
constexpr int kStoppedOnRequest = 130;

// Base of all; what() is "[where] message" on one printable line, whatever the files and names in it hold.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, std::string_view where, std::string_view message);
  // Several mistakes of one kind, a line each; beyond the first ten only their number.
  Error(ExitCode code, std::string_view where, const std::vector<std::string>& mistakes);
  // An error again, with what to do about it at its end.
  Error(const Error& error, std::string_view advice);
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

// Wrong usage or recipe: exit 2.
struct ConfigError : Error {
  ConfigError(std::string_view where, std::string_view message) : Error(ExitCode::kConfig, where, message) {}
  ConfigError(std::string_view where, const std::vector<std::string>& mistakes)
      : Error(ExitCode::kConfig, where, mistakes) {}
};
// A file's content is not what it must be: exit 3.
struct DataError : Error {
  DataError(std::string_view where, std::string_view message) : Error(ExitCode::kData, where, message) {}
  DataError(const DataError& error, std::string_view advice) : Error(error, advice) {}
};
// The machine lacks something (file, package, space, permission): exit 4.
struct EnvironmentError : Error {
  EnvironmentError(std::string_view where, std::string_view message)
      : Error(ExitCode::kEnvironment, where, message) {}
  EnvironmentError(const EnvironmentError& error, std::string_view advice) : Error(error, advice) {}
};
// Training cannot go on for numerical reasons: exit 5.
struct NumericalError : Error {
  NumericalError(std::string_view where, std::string_view message)
      : Error(ExitCode::kNumerical, where, message) {}
};
// A mistake of gamut's own: exit 70.
struct InternalError : Error {
  InternalError(std::string_view where, std::string_view message)
      : Error(ExitCode::kInternal, where, message) {}
};

// Always on; not reachable by user input.
#define GAMUT_CHECK(condition, ...)                                                                   \
  do {                                                                                                \
    if (!(condition))                                                                                 \
      throw ::gamut::InternalError(                                                                   \
          "internal",                                                                                 \
          ::gamut::cat(__FILE__, ":", __LINE__, ": check '" #condition "' failed; ", ##__VA_ARGS__)); \
  } while (false)

}  // namespace gamut
