// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/json_config.h"

#include "gamut/core/config.h"
#include "gamut/core/error.h"
#include "gamut/io/files.h"

#include <nlohmann/json.hpp>

namespace gamut::models {
namespace {

using nlohmann::json;

bool all_integers(const json& value) {
  return value.is_array() &&
         std::ranges::all_of(value, [](const json& item) { return item.is_number_integer(); });
}

}  // namespace

JsonConfig::JsonConfig(const json& object, std::string file)
    : object_(std::make_unique<json>(object)), file_(std::move(file)) {
  if (!object.is_object()) {
    throw DataError(file_, cat("a config is a JSON object; got ", object.type_name()));
  }
}

JsonConfig::~JsonConfig() = default;

const json* JsonConfig::find(const std::string& key) {
  known_.insert(key);
  return has(key) ? &object_->at(key) : nullptr;
}

bool JsonConfig::present(const std::string& key) const { return object_->contains(key); }

bool JsonConfig::has(const std::string& key) const {
  return object_->contains(key) && !object_->at(key).is_null();
}

void JsonConfig::fail(const std::string& key, const std::string& expected) const {
  const std::string got = object_->contains(key) ? io::brief(object_->at(key)) : "nothing";
  throw DataError(
      file_, cat("option '", key, "' has a value that is not supported; got ", got, "; expected ", expected));
}

int64_t JsonConfig::integer(const std::string& key, int64_t otherwise) {
  const json* value = find(key);
  if (value && !value->is_number_integer()) {
    fail(key, "an integer");
  }
  return value ? value->get<int64_t>() : otherwise;
}

int64_t JsonConfig::positive(const std::string& key, int64_t otherwise) {
  const int64_t value = integer(key, otherwise);
  if (value <= 0 || value > (int64_t{1} << 31)) {
    fail(key, "a positive integer");
  }
  return value;
}

void JsonConfig::sizes(std::initializer_list<Size> sizes) {
  for (const Size& size : sizes) size.value = positive(size.key, size.value);
}

double JsonConfig::number(const std::string& key, double otherwise) {
  const json* value = find(key);
  if (value && !value->is_number()) {
    fail(key, "a number");
  }
  return value ? value->get<double>() : otherwise;
}

bool JsonConfig::boolean(const std::string& key, bool otherwise) {
  const json* value = find(key);
  if (value && !value->is_boolean()) {
    fail(key, "true or false");
  }
  return value ? value->get<bool>() : otherwise;
}

std::string JsonConfig::string(const std::string& key, const std::string& otherwise) {
  const json* value = find(key);
  if (value && !value->is_string()) {
    fail(key, "a string");
  }
  return value ? value->get<std::string>() : otherwise;
}

std::vector<std::string> JsonConfig::strings(const std::string& key,
                                             const std::vector<std::string>& otherwise) {
  const json* value = find(key);
  if (!value) {
    return otherwise;
  }
  if (!value->is_array() || !std::ranges::all_of(*value, [](const json& item) { return item.is_string(); })) {
    fail(key, "a list of strings");
  }
  return value->get<std::vector<std::string>>();
}

std::vector<double> JsonConfig::numbers(const std::string& key) {
  const json* value = find(key);
  if (!value) return {};
  if (!value->is_array() || !std::ranges::all_of(*value, [](const json& item) { return item.is_number(); })) {
    fail(key, "a list of numbers");
  }
  return value->get<std::vector<double>>();
}

std::vector<int64_t> JsonConfig::integers(const std::string& key, const std::vector<int64_t>& otherwise) {
  const json* value = find(key);
  if (value && !all_integers(*value)) {
    fail(key, "a list of integers");
  }
  return value ? value->get<std::vector<int64_t>>() : otherwise;
}

std::vector<int64_t> JsonConfig::integer_per_level(const std::string& key, int64_t otherwise, size_t levels) {
  const json* value = find(key);
  if (!value || value->is_number_integer()) {
    return std::vector<int64_t>(levels, value ? value->get<int64_t>() : otherwise);
  }
  if (!all_integers(*value) || value->size() != levels) {
    fail(key, cat("an integer or a list of ", levels, " integers"));
  }
  return value->get<std::vector<int64_t>>();
}

std::vector<bool> JsonConfig::boolean_per_level(const std::string& key, bool otherwise, size_t levels) {
  const json* value = find(key);
  if (!value || value->is_boolean()) {
    return std::vector<bool>(levels, value ? value->get<bool>() : otherwise);
  }
  if (!value->is_array() || value->size() != levels ||
      !std::ranges::all_of(*value, [](const json& item) { return item.is_boolean(); })) {
    fail(key, cat("true, false or a list of ", levels, " of them"));
  }
  return value->get<std::vector<bool>>();
}

void JsonConfig::ignore(const std::vector<std::string>& keys) { known_.insert(keys.begin(), keys.end()); }

void JsonConfig::only(const std::string& key, const json& supported) {
  const json* value = find(key);
  if (value && *value != supported) {
    fail(key, supported.is_null() ? "null" : cat(supported.dump(), ", the only one supported"));
  }
}

void JsonConfig::finish() const {
  for (const auto& [key, value] : object_->items()) {
    const bool harmless = key.starts_with("_") || value.is_null() || value == false;
    if (!harmless && !known_.contains(key)) {
      const std::string near = nearest_name(key, {known_.begin(), known_.end()});
      throw DataError(file_, cat("option '", printable(key), "' is unknown; got ", io::brief(value),
                                 near.empty() ? "" : cat("; did you mean '", near, "'?")));
    }
  }
}

}  // namespace gamut::models
