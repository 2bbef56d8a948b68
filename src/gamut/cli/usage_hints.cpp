// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/usage_hints.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/core/synonyms.h"
#include "gamut/run/train_recipe.h"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace gamut::cli {
namespace {

// The command that was chosen, with its parents' names before it.
const CLI::App* chosen_command(const CLI::App& program, std::string& path) {
  const CLI::App* command = &program;
  path = program.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    path += " " + command->get_name();
  }
  return command;
}

// As they are typed: "--model", "-n".
std::vector<std::string> flags_of(const CLI::App* command) {
  std::vector<std::string> flags;
  for (; command != nullptr; command = command->get_parent())
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
      for (const std::string& name : option->get_snames()) flags.push_back("-" + name);
    }
  return flags;
}

// The recipe's key that a flag's word means. `gamut eval` asks for how it evaluates.
std::string key_of(const std::string& word, const std::string& command) {
  const std::vector<std::string> keys = recipe_keys();
  std::string plain = word.substr(std::min(word.size(), word.find_first_not_of('-')));
  std::replace(plain.begin(), plain.end(), '-', '_');
  std::string key = meant_by(word, keys);
  const auto ends = [&](const std::string& known) { return known == plain || known.ends_with("." + plain); };
  if (const auto own = std::find_if(keys.begin(), keys.end(), ends);
      own != keys.end() && (*own == plain || std::count_if(keys.begin(), keys.end(), ends) == 1))
    key = *own;
  const std::string for_eval = "eval." + key.substr(key.find('.') + 1);
  const bool has_own = std::find(keys.begin(), keys.end(), for_eval) != keys.end();
  return command == "eval" && has_own ? for_eval : key;
}

}  // namespace

std::vector<std::string> recipe_keys() {
  run::TrainRecipe recipe;
  std::vector<std::string> keys;
  for (const ResolvedField& field : bind(Recipe{}, recipe).fields) keys.push_back(field.key);
  return keys;
}

std::string unknown_flag(const CLI::App& program, const std::vector<std::string>& words) {
  const std::vector<std::string> extras = program.remaining(true);
  const auto found = std::find_if(extras.begin(), extras.end(),
                                  [](const std::string& word) { return word.size() > 1 && word[0] == '-'; });
  if (found == extras.end()) return "";
  std::string path;
  const CLI::App* command = chosen_command(program, path);
  const std::string word = found->substr(0, found->find('='));
  const std::vector<std::string> flags = flags_of(command);
  std::string meant = meant_by(word, flags);
  if (meant.empty() && std::find(flags.begin(), flags.end(), "--set") != flags.end()) {
    const std::string key = key_of(word, command->get_name());
    const auto next = std::find(words.begin(), words.end(), *found) + 1;  // an extra is one of the words
    const bool has_next = next < words.end() && !next->starts_with("--");
    const std::string value = word.size() < found->size() ? found->substr(word.size() + 1)
                              : has_next                  ? *next
                                                          : "VALUE";
    if (!key.empty()) meant = cat("--set ", key, "=", printable(value));
  }
  if (meant.empty()) meant = nearest_name(word, flags);
  return cat("unknown flag '", printable(word), "' of ", path,
             meant.empty() ? "" : cat("; did you mean '", meant, "'?"));
}

}  // namespace gamut::cli
