// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/brisque_model.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/opencv_yaml.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace gamut::rewards {
namespace {

using Json = nlohmann::json;
constexpr int64_t kFeatures = 36;
constexpr int64_t kMostVectors = 1'000'000;

// What a message shows of a value: files may hold anything.
std::string shown(const Json& value) {
  if (value.is_array()) return cat("a list of ", value.size());
  if (value.is_object()) return "a map";
  return cat("'", printable(value.is_string() ? value.get<std::string>() : value.dump(), 40), "'");
}

// One of the two files, and where in it we are.
struct Node {
  const Json& json;
  std::string file, path;

  [[noreturn]] void fail(const std::string& rule) const {
    throw DataError(file, cat("'", path, "' must be ", rule, "; got ", shown(json)));
  }
  Node at(const std::string& key) const {
    if (!json.is_object()) fail(cat("a map with '", key, "'"));
    const auto found = json.find(key);
    if (found == json.end()) throw DataError(file, cat("'", path, "' must hold '", key, "'; it is missing"));
    return {*found, file, path + "." + key};
  }
  Node item(size_t index) const { return {json[index], file, cat(path, "[", index, "]")}; }
  double number() const {
    if (!json.is_number() || !std::isfinite(json.get<double>())) fail("a finite number");
    return json.get<double>();
  }
  int64_t count(int64_t least, int64_t most) const {
    const double value = json.is_number() ? json.get<double>() : -1;
    if (!(value >= double(least) && value <= double(most)) || value != std::floor(value))
      fail(cat("a whole number in ", least, " … ", most));
    return int64_t(value);
  }
  const Node& list(int64_t size) const {
    if (!json.is_array() || int64_t(json.size()) != size) fail(cat("a list of ", size));
    return *this;
  }
  std::vector<double> numbers(int64_t size) const {
    list(size);
    std::vector<double> values;
    for (size_t i = 0; i < json.size(); ++i) values.push_back(item(i).number());
    return values;
  }
  void expect(std::initializer_list<const char*> known) const {
    std::string names;
    for (const char* name : known) {
      if (json == name) return;
      names += cat(names.empty() ? "" : " or ", name);
    }
    fail(names);
  }
};

std::array<double, kFeatures> row_of(const std::vector<double>& values, int64_t row) {
  std::array<double, kFeatures> out{};
  std::copy_n(values.begin() + row * kFeatures, kFeatures, out.begin());
  return out;
}

}  // namespace

BrisqueModel::BrisqueModel(const std::filesystem::path& model, const std::filesystem::path& range) {
  read_range(range);
  read_regression(model);
}

void BrisqueModel::read_range(const std::filesystem::path& path) {
  const Json json = io::read_opencv_yaml(path);
  const Node range = Node{json, path.string(), "file"}.at("range");
  range.at("rows").count(2, 2);
  range.at("cols").count(kFeatures, kFeatures);
  const std::vector<double> values = range.at("data").numbers(2 * kFeatures);
  least_ = row_of(values, 0);
  largest_ = row_of(values, 1);
  for (size_t i = 0; i < size_t(kFeatures); ++i)
    if (least_[i] >= largest_[i])
      throw DataError(path.string(),
                      cat("the smallest value of feature ", i, " must be below its largest; got ", least_[i],
                          " and ", largest_[i]));
}

void BrisqueModel::read_regression(const std::filesystem::path& path) {
  const Json json = io::read_opencv_yaml(path);
  const Node svm = Node{json, path.string(), "file"}.at("opencv_ml_svm");
  svm.at("svmType").expect({"EPS_SVR", "NU_SVR"});
  svm.at("kernel").at("type").expect({"RBF"});
  svm.at("var_count").count(kFeatures, kFeatures);
  gamma_ = svm.at("kernel").at("gamma").number();
  if (gamma_ <= 0) svm.at("kernel").at("gamma").fail("above 0");

  const int64_t total = svm.at("sv_total").count(1, kMostVectors);
  const Node vectors = svm.at("support_vectors").list(total);
  for (size_t i = 0; i < size_t(total); ++i)
    vectors_.push_back(row_of(vectors.item(i).numbers(kFeatures), 0));

  const Node function = svm.at("decision_functions").list(1).item(0);
  const int64_t count = function.at("sv_count").count(1, total);
  const std::vector<double> alpha = function.at("alpha").numbers(count);
  offset_ = function.at("rho").number();
  weights_.assign(size_t(total), 0.0);
  // A regression's file leaves the index out where it is 0, 1, 2, …
  const bool indexed = function.json.contains("index");
  if (!indexed && count != total) function.at("sv_count").fail(cat(total, " where there is no 'index'"));
  for (int64_t i = 0; i < count; ++i)
    weights_[size_t(indexed ? function.at("index").list(count).item(size_t(i)).count(0, total - 1) : i)] +=
        alpha[size_t(i)];
}

double BrisqueModel::score(const BrisqueFeatures& features) const {
  std::array<double, kFeatures> scaled{};
  for (size_t i = 0; i < scaled.size(); ++i)
    scaled[i] = -1 + 2 * (double(features.values[i]) - least_[i]) / (largest_[i] - least_[i]);
  double sum = -offset_;
  for (size_t v = 0; v < vectors_.size(); ++v) {
    double distance = 0;
    for (size_t i = 0; i < scaled.size(); ++i)
      distance += (vectors_[v][i] - scaled[i]) * (vectors_[v][i] - scaled[i]);
    sum += weights_[v] * std::exp(-gamma_ * distance);
  }
  return std::clamp(sum, 0.0, 100.0);
}

}  // namespace gamut::rewards
