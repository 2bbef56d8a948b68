// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/clip/clip_text.h"

#include "models/hashed_weights.h"
#include "support/cpu_paths.h"

namespace gamut::models {
namespace clip_text_test {

struct Loaded {
  Fixture fixture;
  nn::ParamStore store;
  ClipTextModel model;

  explicit Loaded(const std::string& name)
      : fixture(Fixture::read(name)),
        store(nn::ParamStore::from_tensors(fixture.weights, "text_encoder", {})),
        model(parse_clip_text_config(fixture.config, name), nn::Scope(store)) {
    store.finish();
  }
};

void expect_golden(const std::string& name) {
  Loaded loaded(name);
  loaded.store.require_grad(true);
  const nn::TensorMap& tensors = loaded.fixture.tensors;
  const ClipTextOutput out = loaded.model(tensors.at("ids"));
  // fp32 states of size one after two layers.
  expect_near(out.last_hidden_state, tensors.at("hidden"), 1e-5, "hidden");
  expect_near(out.pooled, tensors.at("pooled"), 1e-5, "pooled");
  ((out.last_hidden_state * tensors.at("probe")).sum() + (out.pooled * tensors.at("pooled_probe")).sum())
      .backward();
  expect_gradients(loaded.store, loaded.fixture);
}

TEST_ON_CPU_PATHS(clip_text, equals_transformers_with_quick_gelu) { expect_golden("clip_quick_gelu"); }

TEST_ON_CPU_PATHS(clip_text, equals_transformers_with_gelu_and_the_legacy_end_token) {
  expect_golden("clip_gelu");
}

// tests/generators/text_encoders.py
void expect_projection(const std::string& name) {
  const Fixture fixture = Fixture::read(name);
  nn::ParamStore store = nn::ParamStore::from_tensors(fixture.weights, "text_encoder", {});
  const ClipTextWithProjection model(parse_clip_text_config(fixture.config, name), nn::Scope(store));
  store.finish();
  store.require_grad(true);
  const nn::TensorMap& tensors = fixture.tensors;
  const ClipTextOutput out = model(tensors.at("ids"));
  expect_near(out.last_hidden_state, tensors.at("hidden"), 1e-5, "hidden");
  expect_near(out.penultimate, tensors.at("penultimate"), 1e-5, "penultimate");
  expect_near(out.pooled, tensors.at("pooled"), 1e-5, "pooled");
  ((out.penultimate * tensors.at("probe")).sum() + (out.pooled * tensors.at("pooled_probe")).sum())
      .backward();
  expect_gradients(store, fixture);
}

TEST_ON_CPU_PATHS(clip_text, with_projection_equals_transformers) {
  for (const char* name : {"clip_projection_l", "clip_projection_g"}) {
    SCOPED_TRACE(name);
    expect_projection(name);
  }
}

TEST(clip_text, names_of_transformers_4_and_5_are_told_apart) {
  EXPECT_EQ(ClipTextModel::name_prefix({{"text_model.final_layer_norm.bias", {}}, {"logit_scale", {}}}),
            "text_model");
  EXPECT_EQ(ClipTextModel::name_prefix({{"final_layer_norm.bias", {}}, {"text_model_x", {}}}), "");
  EXPECT_EQ(ClipTextModel::name_prefix({}), "");
}

TEST(clip_text, later_tokens_never_change_earlier_states) {
  Loaded loaded("clip_gelu");
  Tensor ids = loaded.fixture.tensors.at("ids").clone();
  const Tensor before = loaded.model(ids).last_hidden_state.narrow(1, 0, 5);
  ids.narrow(1, 5, 3).fill_(11);
  expect_near(loaded.model(ids).last_hidden_state.narrow(1, 0, 5), before, 1e-6, "states 0 to 4");
}

}  // namespace clip_text_test
}  // namespace gamut::models
