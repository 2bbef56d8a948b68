// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/curve_sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gamut::eval {
namespace {

constexpr const char* kLargest = "ratio_max_deviation";

}  // namespace

size_t CurveSampler::id_of(const std::string& key) {
  return ids_.try_emplace(key, ids_.size()).first->second;
}

void CurveSampler::add(int64_t step, double seconds, const std::map<std::string, double>& values) {
  if (buckets_.empty() || buckets_.back().rows == rows_per_bucket_) {
    if (int64_t(buckets_.size()) == 2 * points_ - 1) halve();
    if (buckets_.empty() || buckets_.back().rows == rows_per_bucket_) buckets_.emplace_back();
  }
  Bucket& bucket = buckets_.back();
  bucket.step = step;
  bucket.seconds = seconds;
  ++bucket.rows;
  for (const auto& [key, value] : values) {
    if (!std::isfinite(value)) continue;
    const size_t id = id_of(key);
    if (bucket.values.size() <= id) bucket.values.resize(id + 1);
    Value& sums = bucket.values[id];
    sums.largest = sums.count == 0 ? value : std::max(sums.largest, value);
    sums.sum += value;
    sums.count += 1;
  }
}

// Neighbours become one; a last single one stays open.
void CurveSampler::halve() {
  std::vector<Bucket> merged;
  for (size_t i = 0; i < buckets_.size(); i += 2) {
    merged.push_back(std::move(buckets_[i]));
    if (i + 1 == buckets_.size()) break;
    Bucket &into = merged.back(), &from = buckets_[i + 1];
    into.step = from.step;
    into.seconds = from.seconds;
    into.rows += from.rows;
    into.values.resize(std::max(into.values.size(), from.values.size()));
    for (size_t k = 0; k < from.values.size(); ++k) {
      Value& a = into.values[k];
      const Value& b = from.values[k];
      if (b.count > 0) a.largest = a.count == 0 ? b.largest : std::max(a.largest, b.largest);
      a.sum += b.sum;
      a.count += b.count;
    }
  }
  buckets_ = std::move(merged);
  rows_per_bucket_ *= 2;
}

ReportCurves CurveSampler::curves() const {
  ReportCurves out;
  for (const Bucket& bucket : buckets_) {
    out.steps.push_back(bucket.step);
    out.seconds.push_back(bucket.seconds);
  }
  for (const auto& [key, id] : ids_) {
    std::vector<double>& values = out.values[key];
    for (const Bucket& bucket : buckets_) {
      const Value none, &value = id < bucket.values.size() ? bucket.values[id] : none;
      const double kept = key == kLargest ? value.largest : value.sum / value.count;
      values.push_back(value.count > 0 ? kept : std::numeric_limits<double>::quiet_NaN());
    }
  }
  return out;
}

}  // namespace gamut::eval
