// SPDX-License-Identifier: Apache-2.0
// A long series of metrics thinned while it is read: at most 2 * points - 1 numbers are ever kept.
#pragma once

#include "gamut/eval/report.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gamut::eval {

// Equal numbers of neighbouring rows become one: the mean of each value over the rows that have it, but the
// largest for `ratio_max_deviation`, where a mean would hide what matters. Step and seconds are the last
// row's.
class CurveSampler {
 public:
  explicit CurveSampler(int64_t points) : points_(points) {}
  void add(int64_t step, double seconds, const std::map<std::string, double>& values);
  // Fewer than 2 * points rows stay as they were.
  ReportCurves curves() const;

 private:
  struct Value {
    double sum = 0, largest = 0, count = 0;
  };
  struct Bucket {
    int64_t step = 0, rows = 0;
    double seconds = 0;
    std::vector<Value> values;  // by key id; shorter when later keys are absent
  };
  void halve();
  size_t id_of(const std::string& key);

  int64_t points_, rows_per_bucket_ = 1;
  std::map<std::string, size_t> ids_;
  std::vector<Bucket> buckets_;
};

}  // namespace gamut::eval
