// SPDX-License-Identifier: Apache-2.0
// `gamut sample` against diffusers' Euler loop; fixtures by tests/generators/tiny_pipeline.py.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::testing {
namespace sample_golden_test {

// fp32 sums in another order, over up to 20 steps; what the interface promises.
constexpr double kTolerance = 1e-4;

struct Case {
  std::string name;
  fs::path model;
  int members = 1, steps = 1;
  std::string guidance = "1";
};

std::vector<float> values(const fs::path& path, const std::string& tensor) {
  const io::SafetensorsFile file = io::SafetensorsFile::open(path);
  const std::span<const std::byte> bytes = file.bytes(file.at(tensor));
  std::vector<float> out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

// The fixture's `init` under the name that --init-latents reads.
void write_init(const fs::path& fixture, const fs::path& target) {
  const io::SafetensorsFile file = io::SafetensorsFile::open(fixture);
  const io::TensorEntry& init = file.at("init");
  io::save_safetensors(target, {{"latents", init.dtype, init.shape, file.bytes(init)}});
}

void expect_as_diffusers(const Case& c) {
  const TempFolder folder;
  const fs::path fixture = kFixtures / ("sample_" + c.name + ".safetensors");
  write_init(fixture, folder / "init.safetensors");
  const Ran ran = gamut({"sample", "--model", c.model.string(), "--prompt", "the digit 7", "--prompt",
                         "the letter K, dark red on light cyan", "-n", std::to_string(c.members), "--steps",
                         std::to_string(c.steps), "--sampler", "ode", "--guidance", c.guidance,
                         "--init-latents", (folder / "init.safetensors").string(), "--save-latents",
                         (folder / "latents.safetensors").string()});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const io::SafetensorsFile saved = io::SafetensorsFile::open(folder / "latents.safetensors");
  EXPECT_EQ(saved.at("latents").shape, (std::vector<int64_t>{2 * c.members, 12, 16, 16}));
  EXPECT_EQ(saved.at("latents").dtype, io::Dtype::kF32);
  EXPECT_EQ(saved.entries().size(), 1u);

  const std::vector<float> expected = values(fixture, "latents"),
                           got = values(folder / "latents.safetensors", "latents");
  ASSERT_EQ(got.size(), expected.size());
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i)
    worst = std::max(worst, std::abs(double(got[i]) - double(expected[i])));
  EXPECT_LE(worst, kTolerance) << c.name;
  EXPECT_FALSE(std::isnan(worst));
}

// The tiny model whose scheduler shifts by 3.
fs::path shifted(const Micro& micro) {
  const fs::path model = micro.copy_of_tiny();
  edit(model / "scheduler/scheduler_config.json", "\"shift\": 1.0", "\"shift\": 3.0");
  return model;
}

TEST(sample_golden, is_diffusers_euler_loop) {
  expect_as_diffusers({.name = "shift1", .model = kTiny, .members = 3, .steps = 6});
}

TEST(sample_golden, takes_the_shift_of_the_model_folder) {
  const Micro micro;
  expect_as_diffusers({.name = "shift3", .model = shifted(micro), .steps = 7});
}

TEST(sample_golden, guides_away_from_the_empty_prompt) {
  expect_as_diffusers({.name = "shift1_guidance3", .model = kTiny, .steps = 6, .guidance = "3"});
}

TEST(sample_golden, guides_in_a_single_step_too) {
  const Micro micro;
  expect_as_diffusers({.name = "shift3_guidance3", .model = shifted(micro), .steps = 1, .guidance = "3"});
}

TEST(sample_golden, samples_the_shipped_base_as_diffusers_does) {
  expect_as_diffusers({.name = "glyphs", .model = kSource / "models/glyphs", .members = 2, .steps = 20});
}

}  // namespace sample_golden_test
}  // namespace gamut::testing
