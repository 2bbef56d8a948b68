// SPDX-License-Identifier: Apache-2.0
// Reads a model's config.json strictly: wrong types and options nobody asked for are DataErrors that name
// file, key and value.
//
//   JsonConfig config(io::read_json(path), "unet/config.json");
//   options.heads = config.integer("num_attention_heads", 8);
//   config.only("dropout", 0.0);             // understood by the original, supported here with this value
//   alone config.finish();                         // keys that were never read
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

namespace gamut::models {

class JsonConfig {
 public:
  JsonConfig(const nlohmann::json& object, std::string file);
  ~JsonConfig();
  JsonConfig(const JsonConfig&) = delete;
  JsonConfig& operator=(const JsonConfig&) = delete;

  // Absent or null gives the default.
  int64_t integer(const std::string& key, int64_t otherwise);
  double number(const std::string& key, double otherwise);
  bool boolean(const std::string& key, bool otherwise);
  std::string string(const std::string& key, const std::string& otherwise);
  std::vector<std::string> strings(const std::string& key, const std::vector<std::string>& otherwise);
  std::vector<double> numbers(const std::string& key);  // absent or null: {}
  std::vector<int64_t> integers(const std::string& key, const std::vector<int64_t>& otherwise);
  // One value for all levels, or a list with one per level.
  std::vector<int64_t> integer_per_level(const std::string& key, int64_t otherwise, size_t levels);
  std::vector<bool> boolean_per_level(const std::string& key, bool otherwise, size_t levels);
  // The key is a positive integer, or absent and `otherwise` holds.
  int64_t positive(const std::string& key, int64_t otherwise);
  // positive() of many: each value is its key's, or stays.
  struct Size {
    const char* key;
    int64_t& value;
  };
  void sizes(std::initializer_list<Size> sizes);

  bool has(const std::string& key) const;      // present and not null
  bool present(const std::string& key) const;  // null counts
  void ignore(const std::vector<std::string>& keys);
  // DataError unless the key is absent, null or equal to `supported`.
  void only(const std::string& key, const nlohmann::json& supported);
  // DataError for keys never asked for, except those that begin with '_' or are null or false.
  void finish() const;
  // [file] option 'key' …; got VALUE; expected …
  [[noreturn]] void fail(const std::string& key, const std::string& expected) const;

 private:
  const nlohmann::json* find(const std::string& key);
  std::unique_ptr<nlohmann::json> object_;
  std::string file_;
  std::set<std::string> known_;
};

}  // namespace gamut::models
