// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/pretrain.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/random.h"
#include "gamut/diffusion/noise_process.h"
#include "gamut/tasks/glyphs/glyphs.h"
#include "gamut/io/files.h"
#include "gamut/io/inside.h"
#include "gamut/models/pipeline.h"
#include "gamut/nn/device.h"
#include "gamut/text/clip_tokenizer.h"
#include "gamut/tasks/glyphs/pretrain_data.h"
#include "gamut/train/pretrain_loop.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <nlohmann/json.hpp>

#include <ATen/core/grad_mode.h>
#include <memory>

namespace gamut::glyphs {
namespace {

namespace fs = std::filesystem;
using at::Tensor;

// A caption with all, some or none of its attributes, or no caption at all.
constexpr int64_t kCaptionForms = 5, kNoCaption = 4;

struct TrainingSet {
  GlyphPictures glyphs;
  // Per text encoder, int64 [N, F, L], F caption forms: bit 0 colours, bit 1 style, kNoCaption the empty
  // prompt.
  models::TokenBatch tokens;
};

TrainingSet make_training_set(const PretrainConfig& config, const models::Pipeline& pipe) {
  TrainingSet set{draw_glyph_pictures(config.pictures, uint64_t(config.seed), pipe.options().device), {}};
  std::vector<std::string> captions;
  for (const GlyphSpec& spec : set.glyphs.specs) {
    for (int64_t form = 0; form < kNoCaption; ++form)
      captions.push_back(glyph_caption(spec, form & 1, form & 2));
    captions.emplace_back();
  }
  for (const Tensor& ids : pipe.tokenize(captions))
    set.tokens.push_back(ids.view({config.pictures, kCaptionForms, -1}));
  return set;
}

struct Batch {
  Tensor latents, noise;
  models::TokenBatch tokens;
  Tensor time_B;  // sigma of a flow model, whole timesteps else
};

// All random choices of one step come from one named stream, so that a resumed run draws the same.
Batch draw_batch(const PretrainConfig& config, const TrainingSet& set, const models::Pipeline& pipe,
                 int64_t step) {
  Stream stream(uint64_t(config.seed), "pretrain.batch", {step});
  std::vector<int64_t> rows, forms;
  for (int64_t b = 0; b < config.batch; ++b) {
    rows.push_back(stream.below(config.pictures));
    const bool none = stream.chance(config.drop_prompt);
    const int64_t colors = stream.chance(config.keep_colors), style = stream.chance(config.keep_style);
    forms.push_back(none ? kNoCaption : colors + 2 * style);
  }
  at::manual_seed(stream.bits64());
  const at::Device device = pipe.options().device;
  const Tensor row = at::tensor(rows).to(device), form = at::tensor(forms).to(device);
  Batch batch;
  batch.latents = pipe.encode_pictures(pictures_at(set.glyphs, row));
  batch.noise = at::randn_like(batch.latents);
  const Tensor normal = at::randn({config.batch}, batch.latents.options());
  batch.time_B = (normal * config.time_std + config.time_mean).sigmoid();
  if (!pipe.scheduler().is_flow())
    batch.time_B = at::randint(pipe.scheduler().num_train_timesteps, {config.batch},
                               batch.latents.options().dtype(at::kLong));
  for (const Tensor& ids : set.tokens) batch.tokens.push_back(ids.index({row, form}));
  return batch;
}

// Distance between the teacher's velocity and the one that the predicted noise stands for.
Tensor teacher_loss(const models::Pipeline& teacher, const Tensor& predicted_noise, const Tensor& noisy,
                    const diffusion::Mix<Tensor>& mix, const models::TokenBatch& tokens) {
  const Tensor scale = mix.clean + mix.noise, sigma = mix.noise / scale;
  const Tensor x = noisy / scale;
  Tensor velocity;
  {
    at::NoGradGuard no_grad;
    velocity = teacher.predict(x, sigma.flatten() * 1000, teacher.encode_tokens(tokens));
  }
  return ((predicted_noise - x) / (1 - sigma) - velocity).square().mean();
}

std::vector<nn::NamedTensor> all_params(models::Pipeline& pipe) {
  std::vector<models::NamedStore> stores{{pipe.denoiser_name(), &pipe.denoiser_params()}};
  for (const models::NamedStore& encoder : pipe.text_encoders()) stores.push_back(encoder);
  std::vector<nn::NamedTensor> params;
  for (const auto& [component, store] : stores) {
    store->require_grad(true);
    for (const nn::NamedTensor& p : store->params()) params.push_back({component + "." + p.name, p.tensor});
  }
  return params;
}

nn::TensorMap named(const std::vector<nn::NamedTensor>& params) {
  nn::TensorMap out;
  for (const nn::NamedTensor& p : params) out[p.name] = p.tensor;
  return out;
}

// A new model folder: the configs, a tokenizer of the captions' words, weights drawn from the seed.
models::Pipeline create_pipeline(const PretrainConfig& config, const nn::ParamOptions& where) {
  const fs::path source = required_key(config.base_config, "base_config"),
                 folder = required_key(config.output, "output");
  if (!fs::exists(source / "model_index.json"))
    throw EnvironmentError("pretrain", cat("base_config must be a model folder; '", source.string(),
                                           "' has no model_index.json"));
  io::copy_folder(source, folder);
  const nlohmann::json text = io::read_json(source / "text_encoder" / "config.json");
  text::write_word_tokenizer(folder / "tokenizer", glyph_caption_words(),
                             text.at("max_position_embeddings").get<int64_t>());
  return models::Pipeline::create(folder, uint64_t(config.seed), where);
}

// What is minimized; the scheduler of the new model decides.
class Objective {
 public:
  Objective(const PretrainConfig& config, const models::Pipeline& pipe)
      : pipe_(pipe), process_(pipe.scheduler(), pipe.latent_shape()) {
    if (config.teacher.empty()) return;
    if (process_.is_flow())
      throw ConfigError("pretrain",
                        "teacher serves DDIM bases only, and base_config's scheduler is a flow-matching one");
    teacher_ = std::make_unique<models::Pipeline>(models::Pipeline::open(config.teacher, pipe.options()));
    if (!teacher_->scheduler().is_flow())
      throw ConfigError("pretrain", cat("teacher must be a flow-matching model; '", config.teacher, "' has ",
                                        teacher_->scheduler().class_name));
  }
  models::Pipeline* teacher() const { return teacher_.get(); }

  Tensor operator()(const Batch& batch) const {
    const Tensor noisy = process_.add_noise(batch.latents, batch.noise, batch.time_B);
    const Tensor predicted =
        pipe_.predict(noisy, process_.model_time(batch.time_B), pipe_.encode_tokens(batch.tokens));
    if (teacher_)
      return teacher_loss(*teacher_, predicted, noisy, process_.mix(batch.time_B, noisy.dim()), batch.tokens);
    return (predicted - process_.target(batch.latents, batch.noise, batch.time_B)).square().mean();
  }

 private:
  const models::Pipeline& pipe_;
  diffusion::NoiseProcess process_;
  std::unique_ptr<models::Pipeline> teacher_;
};

}  // namespace

void PretrainConfig::fields(FieldVisitor& v) {
  v.field("task", task, one_of({"base", "reader", "faces", "clip"}), "what is trained");
  v.field("output", output, any_value(), "model folder to write");
  v.field("base_config", base_config, input_path(), "folder with the configs of a new model");
  v.field("teacher", teacher, input_path(),
          "flow model that a DDIM base starts from and learns from; \"\" = none");
  v.field("device", device, one_of({"cpu", "cuda"}), "where to train");
  v.field("seed", seed, at_least(0), "names every random stream");
  v.field("steps", steps, at_least(1), "optimizer steps");
  v.field("batch", batch, at_least(1), "pictures per step");
  v.field("pictures", pictures, at_least(1), "pictures drawn once for the whole run");
  v.field("drop_prompt", drop_prompt, between(0, 1), "share of empty prompts (classifier-free dropout)");
  v.field("keep_colors", keep_colors, between(0, 1), "share of captions that name the colors");
  v.field("keep_style", keep_style, between(0, 1), "share of captions that name the style");
  v.field("time_mean", time_mean, any_value(), "mean of the logit of sigma");
  v.field("time_std", time_std, above(0), "standard deviation of the logit of sigma");
  v.field("warmup", warmup, at_least(0), "steps of linear warm-up");
  v.field("final_rate", final_rate, between(0, 1), "learning rate at the end, as a share of the full one");
  v.table("optimizer", optimizer, "AdamW");
  v.table("ema", ema, "moving average of the weights; it is what gets saved");
  v.table("checkpoint", checkpoint, "for resuming");
}

bool pretrain_base(const PretrainConfig& config, const PretrainOptions& options) {
  const nn::ParamOptions where{.device = nn::open_device(config.device)};
  models::Pipeline pipe = create_pipeline(config, where);
  const std::vector<nn::NamedTensor> params = all_params(pipe);
  const Objective objective(config, pipe);
  if (models::Pipeline* teacher = objective.teacher())
    train::copy_weights(params, named(all_params(*teacher)), config.teacher);
  const TrainingSet set = make_training_set(config, pipe);
  train::PretrainLoop loop = loop_of(config, options);
  loop.params = params;
  loop.loss = [&](int64_t step) { return objective(draw_batch(config, set, pipe, step)); };
  loop.save = [&] { pipe.save(config.output); };
  const bool finished = train::run_pretraining(loop);
  if (finished) log_info(cat("wrote ", config.output));
  return finished;
}

}  // namespace gamut::glyphs
