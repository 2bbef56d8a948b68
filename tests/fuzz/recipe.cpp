// SPDX-License-Identifier: Apache-2.0
// A recipe bound to fields of every type, and the value of --set.
#include "gamut/core/config.h"
#include "gamut/core/toml_value.h"
#include "target.h"

namespace {

struct Inner {
  double rate = 1;
  std::vector<double> levels;
  void fields(gamut::FieldVisitor& v) {
    v.field("rate", rate, gamut::from_to_below(0, 1), "a share");
    v.field("levels", levels, gamut::any_value(), "numbers");
  }
};

struct Config {
  std::string kind = "a";
  bool on = false;
  int64_t count = 1;
  std::vector<int64_t> list;
  std::vector<std::string> words;
  Inner inner;
  void fields(gamut::FieldVisitor& v) {
    v.field("kind", kind, gamut::one_of({"a", "b"}), "a choice");
    v.field("on", on, gamut::any_value(), "a switch");
    v.field("count", count, gamut::between(1, 64), "a number");
    v.field("list", list, gamut::any_value(), "numbers");
    v.field("words", words, gamut::any_value(), "words");
    v.table("inner", inner, "a table");
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gamut;
  const std::string text(fuzz::text_of(data, size));
  fuzz::read_hostile([&] { parse_toml_value(text); });
  fuzz::read_hostile([&] { parse_recipe("", "r.toml", {"count=" + text, text}); });
  return fuzz::read_hostile([&] {
    Config config;
    const Resolved resolved = bind(parse_recipe(text, "r.toml"), config);
    Config again;
    if (bind(parse_recipe(resolved.to_toml(), "again.toml"), again).to_toml().empty()) std::abort();
  });
}
