// SPDX-License-Identifier: Apache-2.0
// `gamut help COMMAND`, and the examples that end every help.
#include "gamut/cli/commands.h"
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/core/program.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

namespace gamut::cli {
namespace {

// By the command's path below the program; what is run needs the shipped models alone, or a run of theirs.
const std::map<std::string, std::vector<std::string>>& example_table() {
  static const std::map<std::string, std::vector<std::string>> kExamples{
      {"", {"train recipes/glyphs/flow_grpo.toml", "help train"}},
      {"train",
       {"train recipes/glyphs/flow_grpo.toml --set iterations=40 --run runs/short",
        "train runs/short --resume", "train recipes/glyphs/gamut.toml --serve"}},
      {"plan", {"plan recipes/glyphs/flow_grpo.toml --device-memory 8GiB"}},
      {"pretrain",
       {"pretrain recipes/glyphs/reader.toml", "pretrain recipes/glyphs/base.toml --set device=cpu"}},
      {"sweep", {"sweep recipes/glyphs/sweeps/methods_reader.toml --list"}},
      {"sample",
       {"sample --model models/glyphs --prompt \"the digit 7\" -n 16 --out seven.png",
        "sample --model runs/short --prompt \"the letter K\" --save-images pictures"}},
      {"eval",
       {"eval recipes/glyphs/flow_grpo.toml --json", "eval runs/short",
        "eval recipes/glyphs/flow_grpo.toml --model runs/short"}},
      {"compare", {"compare runs/flow_grpo runs/gamut --out compare.png"}},
      {"convert", {"convert merge sd15 runs/sd15/model merged", "help convert lora"}},
      {"convert lora", {"convert lora runs/sd15/model kohya.safetensors --to kohya"}},
      {"convert merge", {"convert merge sd15 runs/sd15/model:0.8 merged"}},
      {"frontier", {"frontier runs/flow_grpo runs/gamut --y vendi"}},
      {"report", {"report runs/* -o report.html", "report runs/short --follow"}},
      {"explain", {"explain config recipes/glyphs/flow_grpo.toml optimizer"}},
      {"explain schedule", {"explain schedule recipes/glyphs/flow_grpo.toml --json"}},
      {"explain config", {"explain config recipes/glyphs/flow_grpo.toml optimizer"}},
      {"explain credit", {"explain credit recipes/glyphs/flow_grpo.toml < group.json"}},
      {"explain diversity", {"explain diversity < group.json"}},
      {"doctor", {"doctor"}},
      {"completion", {"completion bash > ~/.local/share/bash-completion/completions/gamut"}},
      {"help", {"help sample", "help explain config"}},
  };
  return kExamples;
}

void add_examples_below(CLI::App& command, const std::string& path) {
  std::string text = "Examples:";
  for (const std::string& example : example_table().at(path))
    text += cat("\n  ", program_name(), " ", example);
  command.footer(text);
  for (CLI::App* sub : command.get_subcommands({}))
    add_examples_below(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name());
}

int help(const CLI::App& program, const std::vector<std::string>& words) {
  const CLI::App* command = &program;
  std::string path = program.get_name();
  for (const std::string& word : words) {
    std::vector<std::string> names;
    for (const CLI::App* sub : command->get_subcommands({})) names.push_back(sub->get_name());
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      const std::string near = nearest_name(word, names);
      throw ConfigError("usage", cat("no help for an unknown command '", printable(word), "'; ",
                                     near.empty() ? cat("see ", program_name(), " --help")
                                                  : cat("did you mean '", near, "'?")));
    }
    path += " " + word;
    command = command->get_subcommand(word);
  }
  // Not App::help(), which would go on to `help` itself, the command that was chosen.
  std::printf("%s", command->get_formatter()->make_help(command, path, CLI::AppFormatMode::Normal).c_str());
  return 0;
}

}  // namespace

void add_help_command(CLI::App& program, Action& chosen) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* command = program.add_subcommand("help", "the help of a command");
  command->add_option("command", *words, "such as train, or explain config");
  command->callback(
      [words, &program, &chosen] { chosen = [words, &program] { return help(program, *words); }; });
}

void add_examples(CLI::App& program) { add_examples_below(program, ""); }

}  // namespace gamut::cli
