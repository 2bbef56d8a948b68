// SPDX-License-Identifier: Apache-2.0
// gamut: parse, dispatch, exit code. The only catch-all of the program stands here.
#include "gamut/cli/commands.h"
#include "gamut/cli/usage_hints.h"
#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"
#include "gamut/core/program.h"
#include "gamut/nn/kernels/cpu_path.h"
#include "gamut/run/build_info.h"
#include "gamut/tasks/tasks.h"

#include <CLI/CLI.hpp>
#include <c10/util/Exception.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <new>
#include <string>

namespace {

// LibTorch's messages carry a C++ stack; the first line says what went wrong.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

int report(gamut::ExitCode code, const std::string& message) {
  gamut::log_error(message, {{"exit_code", static_cast<int64_t>(code)}});
  return static_cast<int>(code);
}

int report_out_of_memory() {
  return report(gamut::ExitCode::kEnvironment,
                "[memory] out of memory; lower rollout.micro_batch or eval.micro_batch");
}

// A GPU's memory has a class of its own; the CPU's allocator says it in words alone.
bool is_out_of_memory(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         text.find("can't allocate memory") != std::string::npos ||
         text.find("out of memory") != std::string::npos;
}

// "[json.exception.type_error.302] type must be …" without the library's own number. Readers check what they
// read; this is the last resort for a value of another type.
std::string json_message(const std::string& text) {
  const size_t end = text.find("] ");
  return "[json] a file that was read lacks a value or holds one of another type: " +
         (end == std::string::npos ? text : text.substr(end + 2));
}

// CLI11 would only say that a subcommand is required.
void check_command(const CLI::App& program, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands({})) {
    if (command->get_name() == argv[1]) return;
    names.push_back(command->get_name());
  }
  const std::string near = gamut::nearest_name(argv[1], names);
  throw gamut::ConfigError("usage", gamut::cat("unknown command '", gamut::printable(argv[1]), "'; ",
                                               near.empty() ? "see " + gamut::program_name() + " --help"
                                                            : "did you mean '" + near + "'?"));
}

int run(int argc, char** argv) {
  CLI::App program{"gamut: RL fine-tuning of diffusion and flow image models that keeps their variety",
                   "gamut"};
  program.require_subcommand(1);
  program.fallthrough();
  program.set_version_flag("--version", gamut::run::version());
  bool quiet = false, json_log = false;
  program.add_flag("--quiet", quiet, "no progress lines, only warnings and results");
  program.add_flag("--json-log", json_log, "log lines on stderr as JSON, one object each");
  gamut::tasks::register_tasks();  // before a recipe is read
  gamut::cli::Action chosen;
  gamut::cli::add_train_command(program, chosen);
  gamut::cli::add_plan_command(program, chosen);
  gamut::cli::add_pretrain_command(program, chosen);
  gamut::cli::add_sweep_command(program, chosen);
  gamut::cli::add_sample_command(program, chosen);
  gamut::cli::add_eval_command(program, chosen);
  gamut::cli::add_compare_command(program, chosen);
  gamut::cli::add_convert_command(program, chosen);
  gamut::cli::add_frontier_command(program, chosen);
  gamut::cli::add_report_command(program, chosen);
  gamut::cli::add_explain_command(program, chosen);
  gamut::cli::add_doctor_command(program, chosen);
  gamut::cli::add_completion_command(program, chosen);
  gamut::cli::add_help_command(program, chosen);
  gamut::cli::add_examples(program);
  check_command(program, argc, argv);
  const std::string see = "; see " + gamut::program_name() + " --help";
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);  // --help, --version
    const std::string unknown = gamut::cli::unknown_flag(program, {argv + 1, argv + argc});
    return report(
        gamut::ExitCode::kConfig,
        gamut::printable_message("[usage] " + (unknown.empty() ? std::string(error.what()) : unknown) + see));
  }
  if (json_log) gamut::set_log_format(gamut::LogFormat::kJson);
  if (quiet) gamut::set_log_level(gamut::LogLevel::kWarning);
  gamut::nn::cpu_path();  // a wrong GAMUT_CPU is said before any work
  return chosen();
}

}  // namespace

int main(int argc, char** argv) {
  // A file over the user's size limit is an error to report, like a full disk, not a reason to be killed.
  std::signal(SIGXFSZ, SIG_IGN);
  if (argc > 0) gamut::set_program_name(argv[0]);
  try {
    return run(argc, argv);
  } catch (const gamut::Error& error) {
    return report(error.code(), error.what());
  } catch (const c10::Error& error) {
    if (is_out_of_memory(error)) return report_out_of_memory();
    return report(gamut::ExitCode::kInternal, "[libtorch] " + first_line(error.what_without_backtrace()));
  } catch (const std::filesystem::filesystem_error& error) {
    return report(gamut::ExitCode::kEnvironment,
                  gamut::printable_message(gamut::cat("[files] cannot use '", error.path1().string(),
                                                      "'; got '", error.code().message(), "'")));
  } catch (const std::bad_alloc&) {
    return report_out_of_memory();
  } catch (const nlohmann::json::exception& error) {
    return report(gamut::ExitCode::kData, gamut::printable_message(json_message(error.what())));
  } catch (const std::exception& error) {
    return report(gamut::ExitCode::kInternal, std::string("[internal] ") + first_line(error.what()));
  }
}
