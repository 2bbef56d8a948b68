// SPDX-License-Identifier: Apache-2.0
// Completion for shells, written from the commands and flags themselves.
#include "gamut/cli/commands.h"
#include "gamut/cli/usage_hints.h"
#include "gamut/core/error.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>
#include <memory>

namespace gamut::cli {
namespace {

std::string words_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> names_of_option(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  return names;
}

// The words that an option takes: of its check ("TEXT:{ode,ddim}"), or the recipe's keys; none = files.
std::vector<std::string> values_of(const CLI::Option& option) {
  std::vector<std::string> values;
  if (option.check_lname("set")) {
    for (const std::string& key : recipe_keys()) values.push_back(key + "=");
    return values;
  }
  const std::string type = option.get_type_name();
  const size_t open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return values;
  for (size_t begin = open + 1; begin < close;) {
    const size_t end = std::min(close, type.find(',', begin));
    values.push_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
  return values;
}

// A command with its path below the program: "", "train", "explain config".
struct CommandPlace {
  const CLI::App* command;
  std::string path;
  std::vector<std::string> words, flags;  // words: its subcommands, or what its argument may be
};

std::vector<CommandPlace> places_of(const CLI::App& program) {
  std::vector<CommandPlace> places;
  const std::function<void(const CLI::App*, const std::string&)> visit = [&](const CLI::App* command,
                                                                             const std::string& path) {
    CommandPlace place{.command = command, .path = path, .words = {}, .flags = {}};
    for (const CLI::App* at = command; at != nullptr; at = at->get_parent())
      for (const CLI::Option* option : at->get_options())
        for (const std::string& name : names_of_option(*option)) place.flags.push_back(name);
    const auto below = command->get_subcommands({});
    for (const CLI::App* sub : below) place.words.push_back(sub->get_name());
    for (const CLI::Option* option : command->get_options())
      if (names_of_option(*option).empty())
        for (const std::string& value : values_of(*option)) place.words.push_back(value);
    places.push_back(place);
    for (const CLI::App* sub : below)
      visit(sub, path.empty() ? sub->get_name() : path + " " + sub->get_name());
  };
  visit(&program, "");
  return places;
}

// The loop that finds the command among the words typed so far; bash and zsh share it but for the words'
// array.
std::string path_loop(const std::vector<CommandPlace>& places, const std::string& words,
                      const std::string& range) {
  std::string known;
  for (const CommandPlace& place : places)
    if (!place.path.empty()) known += cat(known.empty() ? "" : "|", "'", place.path, "'");
  return cat("  for ((i = ", range, "; i++)); do\n    word=\"${", words, "[i]}\"\n",
             "    case \"${at:+$at }$word\" in\n      ", known,
             ") at=\"${at:+$at }$word\" ;;\n    esac\n  done\n");
}

// "case" branches for flags with known values; `form` says what to do with the WORDS.
std::string value_cases(const std::vector<CommandPlace>& places, const char* form) {
  std::string text;
  for (const CommandPlace& place : places)
    for (const CLI::Option* option : place.command->get_options()) {
      const std::vector<std::string> values = values_of(*option);
      if (values.empty()) continue;
      for (const std::string& name : names_of_option(*option)) {
        std::string branch = form;
        branch.replace(branch.find("WORDS"), 5, words_of(values));
        text += cat("    '", place.path, " ", name, "') ", branch, " ;;\n");
      }
    }
  return text;
}

std::string bash_script(const std::vector<CommandPlace>& places) {
  std::string text =
      "# Completion for bash: gamut completion bash > ~/.local/share/bash-completion/completions/gamut\n"
      "_gamut() {\n  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD - 1]}\" at='' "
      "word i\n";
  text += path_loop(places, "COMP_WORDS", "1; i < COMP_CWORD");
  text += "  COMPREPLY=()\n  case \"$at $prev\" in\n";
  text += value_cases(places, "COMPREPLY=($(compgen -W 'WORDS' -- \"$cur\"))");
  text +=
      "  esac\n  if [[ ${#COMPREPLY[@]} -gt 0 ]]; then\n"
      "    [[ $prev == --set ]] && compopt -o nospace\n    return\n  fi\n  case \"$at\" in\n";
  for (const CommandPlace& place : places)
    text += cat("    '", place.path, "') if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '",
                words_of(place.flags), "' -- \"$cur\")); else COMPREPLY=($(compgen -W '",
                words_of(place.words), "' -- \"$cur\")); fi ;;\n");
  return text + "  esac\n}\ncomplete -o default -F _gamut gamut\n";
}

std::string zsh_script(const std::vector<CommandPlace>& places) {
  std::string text =
      "#compdef gamut\n# Completion for zsh: gamut completion zsh > a folder of $fpath, as _gamut\n"
      "_gamut() {\n  local prev=\"${words[CURRENT - 1]}\" at='' word i\n";
  text += path_loop(places, "words", "2; i < CURRENT");
  text += "  case \"$at $prev\" in\n";
  text += value_cases(places, "compadd -S '' -- WORDS; return");
  text += "  esac\n  case \"$at\" in\n";
  for (const CommandPlace& place : places)
    text +=
        cat("    '", place.path, "') if [[ $PREFIX == -* ]]; then compadd -- ", words_of(place.flags),
            "; else ", place.words.empty() ? "_files" : "compadd -- " + words_of(place.words), "; fi ;;\n");
  return text + "  esac\n}\n[[ ${funcstack[1]} == _gamut ]] && _gamut \"$@\" || compdef _gamut gamut\n";
}

std::string quoted_for_fish(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  return out + "'";
}

// The command is where all words of its path have been seen and none of a command below.
std::string fish_condition(const CommandPlace& place) {
  if (place.path.empty()) return "__fish_use_subcommand";
  std::string text;
  for (size_t begin = 0; begin < place.path.size();) {
    const size_t end = std::min(place.path.size(), place.path.find(' ', begin));
    text += cat(text.empty() ? "" : "; and ", "__fish_seen_subcommand_from ",
                place.path.substr(begin, end - begin));
    begin = end + 1;
  }
  if (!place.words.empty()) text += "; and not __fish_seen_subcommand_from " + words_of(place.words);
  return text;
}

std::string fish_script(const std::vector<CommandPlace>& places) {
  std::string text = "# Completion for fish: gamut completion fish > ~/.config/fish/completions/gamut.fish\n";
  for (const CommandPlace& place : places) {
    const std::string start = cat("complete -c gamut -n ", quoted_for_fish(fish_condition(place)));
    for (const CLI::App* sub : place.command->get_subcommands({}))
      text += cat(start, " -f -a ", sub->get_name(), " -d ", quoted_for_fish(sub->get_description()), "\n");
    for (const CLI::Option* option : place.command->get_options()) {
      if (names_of_option(*option).empty()) continue;
      const std::vector<std::string> values = values_of(*option);
      text += start;
      for (const std::string& name : option->get_lnames()) text += " -l " + name;
      for (const std::string& name : option->get_snames())
        text += cat(name.size() == 1 ? " -s " : " -o ", name);
      if (!values.empty())
        text += cat(" -x -a ", quoted_for_fish(words_of(values)));
      else if (option->get_expected_max() > 0)
        text += " -r";
      text += cat(" -d ", quoted_for_fish(option->get_description()), "\n");
    }
  }
  return text;
}

int completion(const CLI::App& program, const std::string& shell) {
  const std::vector<CommandPlace> places = places_of(program);
  const std::string script = shell == "bash"  ? bash_script(places)
                             : shell == "zsh" ? zsh_script(places)
                                              : fish_script(places);
  std::fwrite(script.data(), 1, script.size(), stdout);
  return 0;
}

}  // namespace

void add_completion_command(CLI::App& program, Action& chosen) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      program.add_subcommand("completion", "a script that completes commands and flags in a shell");
  command->add_option("shell", *shell, "bash | zsh | fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback(
      [shell, &program, &chosen] { chosen = [shell, &program] { return completion(program, *shell); }; });
}

}  // namespace gamut::cli
