// SPDX-License-Identifier: Apache-2.0
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

namespace gamut::testing {
namespace sample_test {

constexpr size_t kLatentBytes = 12 * 16 * 16 * sizeof(float);

// Samples two prompts from the tiny model and returns the bytes of `latents`.
std::string latents(const std::vector<std::string>& more) {
  const TempFolder folder;
  const fs::path path = folder / "latents.safetensors";
  std::vector<std::string> args{"sample",      "--model",        kTiny.string(), "--prompt",
                                "the digit 7", "--prompt",       "the letter K", "--steps",
                                "3",           "--save-latents", path.string()};
  args.insert(args.end(), more.begin(), more.end());
  const Ran ran = gamut(args);
  EXPECT_EQ(ran.code, 0) << ran.err;
  if (ran.code != 0) return "";
  const io::SafetensorsFile file = io::SafetensorsFile::open(path);
  const std::span<const std::byte> bytes = file.bytes(file.at("latents"));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(sample, gives_the_same_bytes_for_the_same_seed) {
  for (const std::string sampler : {"ode", "flow_sde"}) {
    const std::string first = latents({"-n", "2", "--seed", "4", "--sampler", sampler});
    EXPECT_EQ(first.size(), 4 * kLatentBytes);
    EXPECT_EQ(first, latents({"-n", "2", "--seed", "4", "--sampler", sampler}));
    EXPECT_NE(first, latents({"-n", "2", "--seed", "5", "--sampler", sampler}));
  }
}

// A picture depends on its seed, prompt and number, not on how many are drawn beside it; --batch 1 makes the
// network's sums independent of the batch too.
TEST(sample, more_pictures_keep_the_first_ones) {
  for (const std::string sampler : {"ode", "flow_sde"}) {
    const std::string three = latents({"-n", "3", "--batch", "1", "--sampler", sampler}),
                      five = latents({"-n", "5", "--batch", "1", "--sampler", sampler});
    ASSERT_EQ(five.size(), 10 * kLatentBytes);
    EXPECT_EQ(three.substr(0, 3 * kLatentBytes), five.substr(0, 3 * kLatentBytes));
    EXPECT_EQ(three.substr(3 * kLatentBytes), five.substr(5 * kLatentBytes, 3 * kLatentBytes));
  }
}

TEST(sample, writes_a_sheet_and_single_pictures) {
  const TempFolder folder;
  const Ran ran =
      gamut({"sample", "--model", kTiny.string(), "--prompt", "the digit 7", "-n", "3", "--steps", "1",
             "--out", (folder / "sheet.png").string(), "--save-images", (folder / "pictures").string()});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(read_file(folder / "sheet.png").starts_with("\x89PNG"));
  for (const char* name : {"prompt0_0.png", "prompt0_1.png", "prompt0_2.png"})
    EXPECT_TRUE(read_file(folder / "pictures" / name).starts_with("\x89PNG")) << name;
}

TEST(sample, a_model_without_vae_still_gives_latents) {
  const Micro micro;
  const fs::path model = micro.copy_of_tiny();
  fs::remove_all(model / "vae");
  edit(model / "model_index.json", ",\n  \"vae\": [\"gamut\", \"SpaceToDepth\"]", "");
  const std::vector<std::string> args{"sample", "--model", model.string(), "--prompt", "x",
                                      "-n",     "1",       "--steps",      "1"};
  auto with = [&](const std::string& flag, const fs::path& path) {
    std::vector<std::string> all = args;
    all.insert(all.end(), {flag, path.string()});
    return gamut(all);
  };
  EXPECT_EQ(with("--save-latents", micro / "latents.safetensors").code, 0);
  const Ran picture = with("--out", micro / "sheet.png");
  EXPECT_EQ(picture.code, 4);
  EXPECT_EQ(picture.err,
            "error: [model] pictures need a vae of class AutoencoderKL or SpaceToDepth; got a model without "
            "vae; latents "
            "can still be sampled and saved\n");
}

}  // namespace sample_test
}  // namespace gamut::testing
