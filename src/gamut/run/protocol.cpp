// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/protocol.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <algorithm>
#include <array>
#include <map>

namespace gamut::run {
namespace {

constexpr const char* kKeys[] = {"model",
                                 "iterations",
                                 "rollout.prompts",
                                 "eval.prompts",
                                 "eval.heldout",
                                 "eval.heldout_members",
                                 "eval.every",
                                 "eval.at",
                                 "eval.members",
                                 "eval.steps",
                                 "eval.seed",
                                 "eval.report_seed",
                                 "eval.guidance_scale",
                                 "eval.features",
                                 "eval.features_model",
                                 "eval.classes_model",
                                 "reward.kind",
                                 "reward.model",
                                 "judge.kind",
                                 "judge.model"};
constexpr std::array kNoSetting = {"seed", "device", "comm.timeout"};
constexpr const char* kBetween = "; ";

// The same file stands elsewhere on another machine: of a path the last two names, "models/glyphs".
std::string placeless(const std::string& toml) {
  if (!toml.starts_with('"')) return toml;
  const size_t last = toml.rfind('/');
  const size_t before =
      last == std::string::npos || last == 0 ? std::string::npos : toml.rfind('/', last - 1);
  return before == std::string::npos ? toml : "\"" + toml.substr(before + 1);
}

std::string text_of(const std::vector<ResolvedField>& fields) {
  std::string text;
  for (const ResolvedField& field : fields)
    text += cat(text.empty() ? "" : kBetween, field.key, " = ", placeless(field.toml));
  return text;
}

// "key = value" by key.
std::map<std::string, std::string> parts_of(const std::string& protocol) {
  std::map<std::string, std::string> parts;
  for (size_t begin = 0; begin < protocol.size();) {
    const size_t end = std::min(protocol.find(kBetween, begin), protocol.size());
    const std::string part = protocol.substr(begin, end - begin);
    const size_t sign = std::min(part.find(" = "), part.size());
    parts[part.substr(0, sign)] = sign == part.size() ? "" : part.substr(sign + 3);
    begin = end + 2;
  }
  return parts;
}

std::string shown(const std::string& value) { return value.empty() ? "its default" : printable(value, 120); }

}  // namespace

std::string protocol_of(const Resolved& recipe) {
  std::vector<ResolvedField> fields;
  for (const char* key : kKeys) {
    const auto found = std::ranges::find(recipe.fields, key, &ResolvedField::key);
    if (found != recipe.fields.end()) fields.push_back(*found);
  }
  return text_of(fields);
}

std::string method_settings(const Resolved& recipe) {
  std::vector<ResolvedField> fields;
  for (const ResolvedField& field : recipe.fields)
    if (field.toml != field.default_toml && std::ranges::find(kNoSetting, field.key) == kNoSetting.end())
      fields.push_back(field);
  return text_of(fields);
}

std::string differing(const std::string& one, const std::string& two) {
  const std::map<std::string, std::string> first = parts_of(one), second = parts_of(two);
  std::map<std::string, std::pair<std::string, std::string>> all;
  for (const auto& [key, value] : first) all[key].first = value;
  for (const auto& [key, value] : second) all[key].second = value;
  std::string text;
  for (const auto& [key, values] : all)
    if (values.first != values.second)
      text += cat(text.empty() ? "" : ", ", printable(key, 80), " (", shown(values.first), " and ",
                  shown(values.second), ")");
  return text;
}

void check_one_protocol(const std::string& where, const std::vector<RunProtocol>& runs) {
  for (const RunProtocol& run : runs) {
    const RunProtocol& first = runs.front();
    if (run.protocol == first.protocol) continue;
    if (run.protocol.empty() || first.protocol.empty()) {
      const RunProtocol &without = run.protocol.empty() ? run : first,
                        &with = run.protocol.empty() ? first : run;
      throw ConfigError(
          where, cat("one table holds runs of one protocol; '", without.origin, "' has none on record and '",
                     with.origin, "' has; collect its rows anew"));
    }
    throw ConfigError(where, cat("one table holds runs of one protocol; '", first.origin, "' and '",
                                 run.origin, "' differ in ", differing(first.protocol, run.protocol)));
  }
}

}  // namespace gamut::run
