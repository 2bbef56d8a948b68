// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/unet/unet_config.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::models {
namespace unet_config_test {

std::string message_of(const nlohmann::json& json) {
  try {
    parse_unet_config(json, "unet/config.json");
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

TEST(unet_config, defaults_are_stable_diffusions) {
  const UNetConfig config = parse_unet_config(nlohmann::json::object(), "unet/config.json");
  EXPECT_EQ(config.block_out_channels, (std::vector<int64_t>{320, 640, 1280, 1280}));
  EXPECT_EQ(config.down_has_attention, (std::vector<bool>{true, true, true, false}));
  EXPECT_EQ(config.up_has_attention, (std::vector<bool>{false, true, true, true}));
  EXPECT_EQ(config.layers_per_block, (std::vector<int64_t>{2, 2, 2, 2}));
  EXPECT_EQ(config.heads, (std::vector<int64_t>{8, 8, 8, 8}));
  EXPECT_EQ(config.time_embed_dim, 1280);
  EXPECT_EQ(config.mid_block, MidBlock::kCrossAttention);
}

TEST(unet_config, the_shipped_base_is_understood) {
  const std::filesystem::path path =
      std::filesystem::path(GAMUT_SOURCE_DIR) / "recipes/glyphs/base_config/unet/config.json";
  const UNetConfig config = parse_unet_config(io::read_json(path), path.string());
  EXPECT_EQ(config.in_channels, 12);
  EXPECT_TRUE(config.text_added_to_time);
}

TEST(unet_config, an_explicit_null_means_no_mid_block) {
  EXPECT_EQ(parse_unet_config({{"mid_block_type", nullptr}}, "c").mid_block, MidBlock::kNone);
}

TEST(unet_config, unsupported_values_name_key_and_value) {
  EXPECT_EQ(message_of({{"class_embed_type", "timestep"}}),
            "[unet/config.json] option 'class_embed_type' has a value that is not supported; got "
            "\"timestep\"; expected "
            "null");
  EXPECT_EQ(
      message_of({{"addition_embed_type", "text_time"}}),
      "[unet/config.json] option 'addition_embed_type' has a value that is not supported; got \"text_time\"; "
      "expected \"text\", the only one supported");
  EXPECT_EQ(message_of({{"dual_cross_attention", true}}),
            "[unet/config.json] option 'dual_cross_attention' has a value that is not supported; got true; "
            "expected "
            "false, the only one supported");
  EXPECT_EQ(message_of({{"act_fn", "mish"}}),
            "[unet/config.json] option 'act_fn' has a value that is not supported; got \"mish\"; expected "
            "\"silu\"");
  EXPECT_EQ(message_of({{"down_block_types", {"AttnDownBlock2D"}}}),
            "[unet/config.json] option 'down_block_types' has a value that is not supported; got "
            "[\"AttnDownBlock2D\"]; expected blocks named DownBlock2D or CrossAttnDownBlock2D");
}

TEST(unet_config, unknown_options_name_the_nearest_known_one) {
  EXPECT_EQ(
      message_of({{"norm_nums_groups", 8}}),
      "[unet/config.json] option 'norm_nums_groups' is unknown; got 8; did you mean 'norm_num_groups'?");
  // Newer versions add keys that are off by default.
  EXPECT_EQ(message_of({{"some_new_thing", nullptr}, {"another_one", false}, {"_private", 3}}), "no error");
}

TEST(unet_config, sizes_that_do_not_divide_are_named) {
  EXPECT_EQ(message_of({{"norm_num_groups", 7}}),
            "[unet/config.json] option 'norm_num_groups' has a value that is not supported; got 7; expected "
            "a divisor "
            "of all block_out_channels, such as 320");
  EXPECT_NE(message_of({{"attention_head_dim", 7}}).find("divides the 320 channels of level 0"),
            std::string::npos);
  EXPECT_EQ(message_of({{"layers_per_block", {1, 2}}}),
            "[unet/config.json] option 'layers_per_block' has a value that is not supported; got [1,2]; "
            "expected an "
            "integer or a list of 4 integers");
}

TEST(unet_config, wrong_types_are_named) {
  EXPECT_EQ(
      message_of({{"in_channels", "four"}}),
      "[unet/config.json] option 'in_channels' has a value that is not supported; got \"four\"; expected an "
      "integer");
  EXPECT_EQ(message_of({{"in_channels", -4}}),
            "[unet/config.json] option 'in_channels' has a value that is not supported; got -4; expected a "
            "positive "
            "integer");
  EXPECT_EQ(message_of(nlohmann::json::array()), "[unet/config.json] a config is a JSON object; got array");
}

}  // namespace unet_config_test
}  // namespace gamut::models
