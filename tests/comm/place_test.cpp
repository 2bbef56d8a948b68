// SPDX-License-Identifier: Apache-2.0
#include "gamut/comm/place.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <map>

namespace gamut::comm {
namespace place_test {

using testing::message_of;
using Variables = std::map<std::string, std::string>;

Place at(const Variables& variables) {
  return place_in([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

const Variables kTorchrun{{"RANK", "3"},
                          {"WORLD_SIZE", "4"},
                          {"LOCAL_RANK", "1"},
                          {"MASTER_ADDR", "node0"},
                          {"MASTER_PORT", "29500"},
                          {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                          {"TORCHELASTIC_RESTART_COUNT", "2"}};

TEST(place, one_process_needs_no_variable) {
  EXPECT_FALSE(at({}).is_group());
  EXPECT_FALSE(at({{"WORLD_SIZE", "1"}, {"RANK", "0"}}).is_group());
  EXPECT_FALSE(at({{"RANK", "3"}}).is_group()) << "some other program's";
}

TEST(place, torchruns_variables_are_read) {
  const Place place = at(kTorchrun);
  EXPECT_EQ(place.rank, 3);
  EXPECT_EQ(place.size, 4);
  EXPECT_EQ(place.local_rank, 1);
  EXPECT_EQ(place.address, "node0");
  EXPECT_EQ(place.port, 29500);
  EXPECT_EQ(place.attempt, 2);
  EXPECT_TRUE(place.launcher_keeps_store);
}

TEST(place, what_is_missing_or_wrong_is_named) {
  for (const char* name : {"RANK", "MASTER_ADDR", "MASTER_PORT"}) {
    Variables variables = kTorchrun;
    variables.erase(name);
    EXPECT_NE(message_of<ConfigError>([&] { at(variables); }).find(name), std::string::npos) << name;
    variables[name] = "";
    EXPECT_NE(message_of<ConfigError>([&] { at(variables); }).find(name), std::string::npos) << name;
  }
  for (const auto& [name, value] :
       Variables{{"RANK", "4"}, {"WORLD_SIZE", "0"}, {"MASTER_PORT", "70000"}, {"RANK", "x"}}) {
    Variables variables = kTorchrun;
    variables[name] = value;
    EXPECT_NE(message_of<ConfigError>([&] { at(variables); }).find(name), std::string::npos) << name;
  }
}

TEST(place, each_process_sees_its_own_gpu) {
  const Place place = at(kTorchrun);
  EXPECT_EQ(own_gpu(place, nullptr), "1");
  EXPECT_EQ(own_gpu(place, "4,5,6"), "5");
  EXPECT_EQ(own_gpu(place, "7"), "") << "all share it";
  EXPECT_EQ(own_gpu(at({}), "4,5"), "");
  Variables fourth = kTorchrun;
  fourth["LOCAL_RANK"] = "3";
  EXPECT_NE(message_of<ConfigError>([&] { own_gpu(at(fourth), "4,5,6"); }).find("LOCAL_RANK 3"),
            std::string::npos);
}

}  // namespace place_test
}  // namespace gamut::comm
