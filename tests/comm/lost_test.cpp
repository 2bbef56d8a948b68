// SPDX-License-Identifier: Apache-2.0
// What the others say when one process dies, hangs or fails.
#include "gamut/comm/group.h"
#include "gamut/core/error.h"
#include "support/ranks.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::comm {
namespace lost_test {

using testing::RankEnd;
using testing::Ranks;

constexpr double kTimeout = 2, kLimit = 8;  // seconds

// Two rounds, in the second of which `rank` does `what`.
Ranks with(int64_t size, int64_t lost, const std::function<void()>& what) {
  return Ranks(size, kTimeout, [lost, what](Group& group) {
    for (int64_t round = 1; round <= 2; ++round) {
      group.enter(cat("rollout of iteration ", round));
      if (round == 2 && group.rank() == lost) what();
      group.sum({at::ones({1000})});
    }
    return std::string("went on");
  });
}

void expect_named(const std::vector<RankEnd>& ends, int64_t lost, const std::string& how) {
  for (size_t rank = 0; rank < ends.size(); ++rank) {
    if (int64_t(rank) == lost) continue;
    EXPECT_NE(ends[rank].code, 0) << rank;
    EXPECT_LT(ends[rank].seconds, kLimit) << rank;
    EXPECT_NE(ends[rank].text.find(cat("rank ", lost, " (")), std::string::npos)
        << rank << ": " << ends[rank].text;
    EXPECT_NE(ends[rank].text.find("rollout of iteration 2"), std::string::npos) << ends[rank].text;
    EXPECT_NE(ends[rank].text.find(how), std::string::npos) << ends[rank].text;
    EXPECT_EQ(ends[rank].text.find('\n'), std::string::npos) << ends[rank].text;
  }
}

TEST(lost, a_process_that_dies_is_named) {
  for (const int64_t size : {2, 4})
    expect_named(with(size, size - 1, [] { ::raise(SIGKILL); }).wait(), size - 1, "has ended or hangs");
}

TEST(lost, a_process_that_hangs_is_named) {
  Ranks ranks = with(3, 1, [] { ::raise(SIGSTOP); });
  std::vector<RankEnd> ends = ranks.wait(kLimit);
  expect_named(ends, 1, "has ended or hangs");
}

TEST(lost, a_process_that_is_busy_with_something_else_is_named) {
  expect_named(with(3, 2, [] { ::sleep(30); }).wait(kLimit), 2, "does not come to where the others wait");
}

TEST(lost, a_process_that_throws_says_why) {
  expect_named(with(4, 2, [] { throw DataError("reward", "no answer"); }).wait(), 2,
               "failed in rollout of iteration 2: [reward] no answer");
}

// Rank 0 keeps the store here: the others know no more than that.
TEST(lost, rank_0_takes_the_store_along) {
  for (const bool hangs : {false, true}) {
    const auto ends = with(3, 0, [hangs] { ::raise(hangs ? SIGSTOP : SIGKILL); }).wait(kLimit + 6);
    for (size_t rank = 1; rank < ends.size(); ++rank) {
      EXPECT_NE(ends[rank].code, 0);
      EXPECT_LT(ends[rank].seconds, kLimit + 5);
      EXPECT_NE(ends[rank].text.find("rank 0"), std::string::npos)
          << rank << " ended with " << ends[rank].code << ": " << ends[rank].text;
    }
  }
}

TEST(lost, a_process_that_never_comes_is_missed) {
  const int64_t port = testing::free_port();
  try {
    Group::join({.rank = 0, .size = 2, .address = "127.0.0.1", .port = port}, 1);
    FAIL() << "joined nobody";
  } catch (const EnvironmentError& error) {
    EXPECT_NE(std::string(error.what()).find("rank 0 of 2 did not find the others by 127.0.0.1"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace lost_test
}  // namespace gamut::comm
