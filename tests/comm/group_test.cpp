// SPDX-License-Identifier: Apache-2.0
#include "gamut/comm/group.h"

#include "gamut/core/error.h"
#include "support/ranks.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>

namespace gamut::comm {
namespace group_test {

using testing::run_ranks;

TEST(group, one_process_is_left_alone) {
  Group group;
  at::Tensor rows = at::arange(6).view({3, 2});
  group.sum({rows});
  EXPECT_TRUE(at::equal(rows, at::arange(6).view({3, 2})));
  EXPECT_TRUE(group.gather_rows(rows).is_same(rows));
  EXPECT_EQ(group.gather("word"), std::vector<std::string>{"word"});
  EXPECT_TRUE(group.leads());
  EXPECT_FALSE(group.any(false));
  EXPECT_EQ(group.size(), 1);
}

// What each process checks itself; "" = all is right.
std::string check(Group& group) {
  const int64_t rank = group.rank(), size = group.size(), all = size * (size - 1) / 2;
  const at::Tensor whole = at::full({3}, rank, at::kLong), real = at::full({2, 2}, double(rank), at::kFloat);
  const at::Tensor large = at::full({5 << 20}, float(rank));  // more than a bucket
  group.sum({whole, real, large});
  if (!at::equal(whole, at::full({3}, all, at::kLong))) return "sum of whole numbers";
  if (!at::equal(real, at::full({2, 2}, double(all), at::kFloat))) return "sum of reals";
  if (!at::equal(large, at::full({5 << 20}, float(all)))) return "sum of buckets";
  at::Tensor most = at::full({}, double(rank), at::kFloat);
  group.max(most);
  if (most.item<double>() != double(size - 1)) return "max";
  // Each process's own; the last one has two.
  std::vector<at::Tensor> parts;
  std::vector<int64_t> owners;
  for (int64_t i = 0; i <= size; ++i) {
    parts.push_back(at::full({4 + i}, double(rank), at::kFloat));
    owners.push_back(std::min(i, size - 1));
  }
  group.sum_at(parts, owners);
  for (int64_t i = 0; i <= size; ++i)
    if (!at::equal(parts[size_t(i)],
                   at::full({4 + i}, double(owners[size_t(i)] == rank ? all : rank), at::kFloat)))
      return "sums at their owners";
  // Rank r has r rows: also none.
  const at::Tensor rows = group.gather_rows(at::full({rank, 2}, rank, at::kLong));
  std::vector<int64_t> expected;
  for (int64_t r = 0; r < size; ++r) expected.insert(expected.end(), size_t(2 * r), r);
  if (!at::equal(rows, at::tensor(expected, at::kLong).view({-1, 2}))) return "rows";
  const std::vector<std::string> texts = group.gather(std::string(size_t(rank), 'x'));
  for (int64_t r = 0; r < size; ++r)
    if (texts[size_t(r)] != std::string(size_t(r), 'x')) return "texts";
  if (group.from_first(rank == 0 ? "first" : "other") != "first") return "from_first";
  at::Tensor sent = at::full({4}, double(rank));
  group.broadcast({sent});
  if (!at::equal(sent, at::zeros({4}))) return "broadcast";
  if (!group.any(rank == size - 1) || group.any(false)) return "any";
  group.barrier();
  return "";
}

TEST(group, collectives_do_what_they_say) {
  for (const int64_t size : {1, 2, 3, 4})
    for (const testing::RankEnd& end : run_ranks(size, check)) {
      EXPECT_EQ(end.text, "") << size;
      EXPECT_EQ(end.code, 0);
    }
}

// Sums do not depend on who asks, down to the last bit: all processes decide alike.
TEST(group, sums_are_the_same_in_every_process) {
  const auto ends = run_ranks(3, [](Group& group) {
    const at::Tensor values = (at::arange(1000, at::kFloat) * float(group.rank() + 1)).sin();
    group.sum({values});
    std::string bits(size_t(values.nbytes()), '\0');
    std::memcpy(bits.data(), values.const_data_ptr(), bits.size());
    return cat(std::hash<std::string>{}(bits));
  });
  for (const testing::RankEnd& end : ends) EXPECT_EQ(end.text, ends.front().text);
}

}  // namespace group_test
}  // namespace gamut::comm
