// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/reader/reader_net.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "models/hashed_weights.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

namespace gamut::models {
namespace reader_net_test {

using testing::message_of;
using testing::TempFolder;

// fp32 on values of size one, summed in another order.
constexpr double kTolerance = 1e-5;

const ReaderConfig kTiny{.characters = "01ABC", .channels = {4, 6, 5, 7, 3}};

// The fixture of tests/generators/reader.py.
struct Tiny {
  nn::TensorMap tensors = nn::load_safetensors(std::filesystem::path(GAMUT_SOURCE_DIR) /
                                               "tests/models/fixtures/reader_tiny.safetensors");
  nn::ParamStore store = nn::ParamStore::from_tensors(starting_with("weight."), "reader", {});
  ReaderNet net{kTiny, nn::Scope(store)};

  nn::TensorMap starting_with(const std::string& prefix) const {
    nn::TensorMap found;
    for (const auto& [name, tensor] : tensors)
      if (name.starts_with(prefix)) found[name.substr(prefix.size())] = tensor;
    return found;
  }
  std::map<std::string, Tensor> params() const {
    std::map<std::string, Tensor> found;
    for (const nn::NamedTensor& p : store.params()) found[p.name] = p.tensor;
    return found;
  }
};

TEST(reader_net, declares_all_tensors_and_no_others) {
  Tiny tiny;
  tiny.store.finish();
  EXPECT_EQ(tiny.store.params().size(), 5 * 5 + 2u);
}

TEST(reader_net, logits_equal_pytorch) {
  Tiny tiny;
  expect_near(tiny.net.logits(tiny.tensors["pictures"]), tiny.tensors["logits_eval"], kTolerance, "logits");
}

TEST(reader_net, reading_leaves_the_running_statistics) {
  Tiny tiny;
  tiny.net.logits(tiny.tensors["pictures"]);
  for (const auto& [name, tensor] : tiny.starting_with("weight.norm"))
    expect_near(tiny.params().at("norm" + name), tensor, 0, name);
}

TEST(reader_net, training_step_equals_pytorch) {
  Tiny tiny;
  auto params = tiny.params();
  for (auto& [name, tensor] : params) tensor.set_requires_grad(name.find(".running_") == std::string::npos);
  const Tensor logits = tiny.net.training_logits(tiny.tensors["pictures"]);
  expect_near(logits, tiny.tensors["logits_train"], kTolerance, "logits");
  at::cross_entropy_loss(logits, tiny.tensors["targets"]).backward();
  for (const auto& [name, expected] : tiny.starting_with("after."))
    expect_near(params[name], expected, kTolerance, name);
  const nn::TensorMap grads = tiny.starting_with("grad.");
  EXPECT_EQ(grads.size(), 5 * 3 + 2u);
  for (const auto& [name, expected] : grads)
    expect_near(params[name].grad(), expected, 1e-4 * expected.abs().max().item<double>() + 1e-7, name);
}

TEST(reader_net, class_of_ignores_case_only) {
  EXPECT_EQ(kTiny.class_of("0"), 0);
  EXPECT_EQ(kTiny.class_of("b"), 3);
  EXPECT_EQ(kTiny.class_of("C"), 4);
  for (const char* text : {"", "D", "AB", " A", "é"}) EXPECT_EQ(kTiny.class_of(text), -1) << text;
}

TEST(reader_net, saved_and_opened_reads_the_same) {
  const TempFolder folder;
  Reader reader = Reader::create(kTiny, 4, {});
  const Tensor pictures = at::rand({3, 3, 32, 32});
  reader.net().training_logits(pictures);  // so that the running statistics are worth saving
  reader.save(folder / "reader");
  Reader opened = Reader::open(folder / "reader", {});
  EXPECT_EQ(opened.config().characters, "01ABC");
  expect_near(opened.net().logits(pictures), reader.net().logits(pictures), 0, "logits");
  EXPECT_EQ(reader.trainable().size(), 5 * 3 + 2u);
}

TEST(reader_net, missing_folder_says_how_to_make_one) {
  EXPECT_EQ(message_of<EnvironmentError>([] { Reader::open("nowhere/reader", {}); }),
            "[reader] the reader's folder must exist; got 'nowhere/reader'; train one with: gamut pretrain "
            "RECIPE, of task = "
            "\"reader\"");
}

TEST(reader_net, config_and_weights_must_agree) {
  const TempFolder folder;
  Reader::create(kTiny, 4, {}).save(folder.path());
  nlohmann::json config = io::read_json(folder / "config.json");
  config["characters"] = "01ABCD";
  io::write_json(folder / "config.json", config);
  const std::string message = message_of<DataError>([&] { Reader::open(folder.path(), {}); });
  EXPECT_NE(message.find("head.weight"), std::string::npos) << message;
  EXPECT_NE(message.find("[5, 48]"), std::string::npos) << message;
  EXPECT_NE(message.find("[6, 48]"), std::string::npos) << message;
}

TEST(reader_net, wrong_configs_are_refused) {
  const TempFolder folder;
  const Reader reader = Reader::create(kTiny, 4, {});
  const std::vector<std::pair<std::string, nlohmann::json>> mistakes = {
      {"_class_name", "CLIPTextModel"}, {"characters", ""}, {"channels", {1, 2, 3}},
      {"channels", {4, 6, 5, 7, -3}},   {"image_size", 40}, {"surplus", 1}};
  for (const auto& [key, value] : mistakes) {
    reader.save(folder.path());
    nlohmann::json config = io::read_json(folder / "config.json");
    config[key] = value;
    io::write_json(folder / "config.json", config);
    const std::string message = message_of<DataError>([&] { Reader::open(folder.path(), {}); });
    EXPECT_NE(message.find(key), std::string::npos) << message;
  }
}

}  // namespace reader_net_test
}  // namespace gamut::models
