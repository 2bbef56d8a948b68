// SPDX-License-Identifier: Apache-2.0
// Against NumPy in double with the same named streams (generators/conditioning.py).
#include "gamut/algorithms/conditioning.h"
#include "gamut/io/files.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::algorithms {
namespace conditioning_fixture_test {

using Json = nlohmann::json;

ConditioningConfig read_config(const Json& entry) {
  return {.kind = "annealed_noise",
          .form = entry["form"].get<std::string>(),
          .strength = entry["strength"].get<double>(),
          .tau1 = entry["tau1"].get<double>(),
          .tau2 = entry["tau2"].get<double>(),
          .rescale = entry["rescale"].get<bool>(),
          .psi = entry["psi"].get<double>(),
          .resample = entry["resample"].get<std::string>(),
          .anneal_axis = entry["anneal_axis"].get<std::string>(),
          .iter_anneal = entry["iter_anneal"].get<std::string>(),
          .time = entry["time"].get<std::string>()};
}

TEST(conditioning_fixture, every_form_equals_numpy) {
  const Json fixture =
      io::read_json(std::filesystem::path(GAMUT_SOURCE_DIR) / "tests/algorithms/fixtures/conditioning.json");
  std::vector<diffusion::SampleKey> keys;
  for (const Json& key : fixture["keys"]) keys.push_back({key[0], key[1], key[2]});
  const at::Tensor hidden =
      at::tensor(fixture["hidden"].get<std::vector<float>>())
          .view({int64_t(keys.size()), fixture["length"].get<int64_t>(), fixture["width"].get<int64_t>()});
  ASSERT_EQ(fixture["cases"].size(), 12u);
  for (const Json& entry : fixture["cases"]) {
    const ConditioningNoise noise(read_config(entry), fixture["seed"], keys, entry["iteration"],
                                  entry["iterations"], int64_t(fixture["sigmas"].size()));
    for (size_t k = 0; k < fixture["visited"].size(); ++k) {
      const int64_t index = fixture["visited"][k];
      const at::Tensor got =
          noise.perturb(hidden, {.index = index, .sigma = fixture["sigmas"][size_t(index)]});
      for (size_t row = 0; row < keys.size(); ++row) {
        const at::Tensor expected = at::tensor(entry["steps"][k][row].get<std::vector<double>>());
        // Values up to 10 in fp32, a few operations.
        EXPECT_LE((got[int64_t(row)].flatten().to(at::kDouble) - expected).abs().max().item<double>(), 1e-5)
            << entry["form"] << " " << entry["anneal_axis"] << " step " << index << " row " << row;
      }
    }
  }
}

}  // namespace conditioning_fixture_test
}  // namespace gamut::algorithms
