// SPDX-License-Identifier: Apache-2.0
// T5EncoderModel against transformers; fixtures by tests/generators/text_encoders.py.
#include "gamut/models/t5/t5_encoder.h"

#include "gamut/core/error.h"
#include "models/hashed_weights.h"
#include "support/cpu_paths.h"
#include "support/message_of.h"

namespace gamut::models {
namespace t5_encoder_test {

using testing::message_of;

struct Loaded {
  Fixture fixture;
  nn::ParamStore store;
  T5Encoder t5;

  explicit Loaded(const std::string& name, at::ScalarType type = at::kFloat)
      : fixture(Fixture::read(name)),
        store(nn::ParamStore::from_tensors(fixture.weights, "text_encoder", {at::kCPU, type})),
        t5(parse_t5_config(fixture.config, name), nn::Scope(store), type) {
    store.finish();
  }
  const at::Tensor& operator[](const std::string& name) const { return fixture.tensors.at(name); }
};

constexpr const char* kCases[] = {"t5_v11", "t5_buckets"};

// fp64 takes PyTorch's operations only, which are what every other device runs.
void expect_golden(at::ScalarType type) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    Loaded loaded(name, type);
    loaded.store.require_grad(true);
    const at::Tensor hidden = loaded.t5(loaded["ids"]);
    // Attention without scaling makes sharp softmaxes, so states of size one carry a few more roundings.
    expect_near(hidden, loaded["hidden"], 1e-5, "hidden");
    (hidden * loaded["probe"]).sum().backward();
    expect_gradients(loaded.store, loaded.fixture);
  }
}

TEST_ON_CPU_PATHS(t5_encoder, equals_transformers) { expect_golden(at::kFloat); }

TEST(t5_encoder, the_path_of_other_devices_equals_transformers) { expect_golden(at::kDouble); }

// Attention without scaling magnifies roundings, which fall differently in fused operations. So: as near to
// fp32 as transformers is in the same type, and nearer to it than by chance.
TEST(t5_encoder, short_types_are_as_exact_as_in_transformers) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    for (const auto& [type, key] : {std::pair{at::kHalf, "half"}, {at::kBFloat16, "bfloat16"}}) {
      const Loaded loaded(name, type);
      const at::Tensor got = loaded.t5(loaded["ids"]).to(at::kFloat);
      const auto error = [&](const at::Tensor& x) {
        return (x - loaded["hidden"]).square().mean().sqrt().item<double>();
      };
      EXPECT_LE(error(got), 1.2 * error(loaded[key])) << key;
      EXPECT_LE((got - loaded[key]).square().mean().sqrt().item<double>(), 2 * error(loaded[key])) << key;
    }
  }
}

TEST(t5_encoder, fp16_keeps_the_last_layers_in_fp32) {
  const Loaded half("t5_v11", at::kHalf), brain("t5_v11", at::kBFloat16);
  for (const auto* loaded : {&half, &brain})
    for (const nn::NamedTensor& param : loaded->store.params()) {
      const bool is_last = param.name.ends_with(".wo.weight") && loaded == &half;
      const at::ScalarType expected = is_last ? at::kFloat : loaded == &half ? at::kHalf : at::kBFloat16;
      EXPECT_EQ(param.tensor.scalar_type(), expected) << param.name;
    }
}

TEST(t5_encoder, fp16_survives_states_beyond_its_range) {
  Fixture fixture = Fixture::read("t5_v11");
  for (auto& [name, weight] : fixture.weights)
    if (name.ends_with(".o.weight") || name.ends_with(".wo.weight")) weight = weight * 3e4;
  nn::ParamStore store = nn::ParamStore::from_tensors(fixture.weights, "t5", {at::kCPU, at::kHalf});
  const T5Encoder t5(parse_t5_config(fixture.config, "c"), nn::Scope(store), at::kHalf);
  EXPECT_TRUE(t5(fixture.tensors.at("ids")).isfinite().all().item<bool>());
}

TEST(t5_encoder, both_names_of_the_embedding_are_read) {
  const at::Tensor table = at::ones({1, 1});
  for (const nn::TensorMap& file : {nn::TensorMap{{"shared.weight", table}},
                                    {{"encoder.embed_tokens.weight", table}},
                                    {{"shared.weight", table}, {"encoder.embed_tokens.weight", table}}}) {
    const nn::TensorMap read = with_t5_names(file);
    EXPECT_EQ(read.size(), 1u);
    EXPECT_TRUE(read.contains("shared.weight"));
  }
}

std::string refusal(const nlohmann::json& change) {
  nlohmann::json config = Fixture::read("t5_v11").config;
  config.update(change);
  return message_of<DataError>([&] { parse_t5_config(config, "text_encoder_3/config.json"); });
}

TEST(t5_encoder, configs_of_other_encoders_are_refused) {
  EXPECT_EQ(refusal({{"model_type", "umt5"}}),
            "[text_encoder_3/config.json] option 'model_type' has a value that is not supported; got "
            "\"umt5\"; expected "
            "\"t5\", the only one supported");
  EXPECT_EQ(refusal({{"feed_forward_proj", "relu"}}),
            "[text_encoder_3/config.json] option 'feed_forward_proj' has a value that is not supported; got "
            "\"relu\"; "
            "expected \"gated-gelu\", T5's version 1.1");
  EXPECT_EQ(refusal({{"relative_attention_max_distance", 8}}),
            "[text_encoder_3/config.json] option 'relative_attention_max_distance' has a value that is not "
            "supported; got "
            "8; expected more than 8, a quarter of the buckets");
}

}  // namespace t5_encoder_test
}  // namespace gamut::models
