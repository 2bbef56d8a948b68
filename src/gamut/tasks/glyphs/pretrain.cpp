// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/pretrain.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/random.h"
#include "gamut/tasks/glyphs/glyphs.h"
#include "gamut/diffusion/alpha_table.h"
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
  Tensor tokens_NFL;     // int64, F caption forms: bit 0 colours, bit 1 style, kNoCaption the empty prompt
};

TrainingSet make_training_set(const PretrainConfig& config, const models::Pipeline& pipe) {
  TrainingSet set{draw_glyph_pictures(config.pictures, uint64_t(config.seed), pipe.options().device), {}};
  std::vector<std::string> captions;
  for (const GlyphSpec& spec : set.glyphs.specs) {
    for (int64_t form = 0; form < kNoCaption; ++form)
      captions.push_back(glyph_caption(spec, form & 1, form & 2));
    captions.emplace_back();
  }
  set.tokens_NFL = pipe.tokenize(captions).view({config.pictures, kCaptionForms, -1});
  return set;
}

struct Batch {
  Tensor latents, noise, tokens_BL;
  Tensor sigma_B;     // flow matching
  Tensor timestep_B;  // DDIM, int64
};

// All random choices of one step come from one named stream, so that a resumed run draws the same.
Batch draw_batch(const PretrainConfig& config, const TrainingSet& set, const models::Pipeline& pipe, int64_t step) {
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
  batch.sigma_B = (normal * config.time_std + config.time_mean).sigmoid();
  batch.timestep_B = at::randint(pipe.scheduler().num_train_timesteps, {config.batch}, batch.latents.options().dtype(at::kLong));
  batch.tokens_BL = set.tokens_NFL.index({row, form});
  return batch;
}

Tensor flow_matching_loss(const models::Pipeline& pipe, const Batch& batch) {
  const Tensor sigma = batch.sigma_B.view({-1, 1, 1, 1});
  const Tensor noisy = (1 - sigma) * batch.latents + sigma * batch.noise;
  const models::Conditioning cond = pipe.encode_tokens(batch.tokens_BL);
  const Tensor velocity = pipe.predict(noisy, batch.sigma_B * 1000, cond);
  return (velocity - (batch.noise - batch.latents)).square().mean();
}

Tensor alpha_bars_of(const models::SchedulerConfig& scheduler, const at::Device& device) {
  const std::vector<double> values = diffusion::alpha_bars({.beta_schedule = scheduler.beta_schedule,
                                                            .beta_start = scheduler.beta_start,
                                                            .beta_end = scheduler.beta_end,
                                                            .train_timesteps = scheduler.num_train_timesteps});
  return at::tensor(values, at::kDouble).to(at::kFloat).to(device);
}

// Distance between the teacher's velocity and the one that the predicted noise stands for. signal and level are
// sqrt(alpha_bar) and sqrt(1 - alpha_bar).
Tensor teacher_loss(const models::Pipeline& teacher, const Tensor& predicted_noise, const Tensor& noisy,
                    const Tensor& signal, const Tensor& level, const Tensor& tokens_BL) {
  const Tensor scale = signal + level, sigma = level / scale;
  const Tensor x = noisy / scale;
  Tensor velocity;
  {
    at::NoGradGuard no_grad;
    velocity = teacher.predict(x, sigma.flatten() * 1000, teacher.encode_tokens(tokens_BL));
  }
  return ((predicted_noise - x) / (1 - sigma) - velocity).square().mean();
}

Tensor epsilon_loss(const models::Pipeline& pipe, const models::Pipeline* teacher, const Tensor& alpha_bars,
                    const Batch& batch) {
  const Tensor alpha_bar = alpha_bars.index_select(0, batch.timestep_B).view({-1, 1, 1, 1});
  const Tensor signal = alpha_bar.sqrt(), level = (1 - alpha_bar).sqrt();
  const Tensor noisy = signal * batch.latents + level * batch.noise;
  const Tensor predicted =
      pipe.predict(noisy, batch.timestep_B.to(at::kFloat), pipe.encode_tokens(batch.tokens_BL));
  if (teacher) return teacher_loss(*teacher, predicted, noisy, signal, level, batch.tokens_BL);
  return (predicted - batch.noise).square().mean();
}

std::vector<nn::NamedTensor> all_params(models::Pipeline& pipe) {
  pipe.denoiser_params().require_grad(true);
  pipe.text_encoder_params().require_grad(true);
  std::vector<nn::NamedTensor> params;
  for (const nn::NamedTensor& p : pipe.denoiser_params().params()) params.push_back({"unet." + p.name, p.tensor});
  for (const nn::NamedTensor& p : pipe.text_encoder_params().params())
    params.push_back({"text_encoder." + p.name, p.tensor});
  return params;
}

nn::TensorMap named(const std::vector<nn::NamedTensor>& params) {
  nn::TensorMap out;
  for (const nn::NamedTensor& p : params) out[p.name] = p.tensor;
  return out;
}

// A new model folder: the configs, a tokenizer of the captions' words, weights drawn from the seed.
models::Pipeline create_pipeline(const PretrainConfig& config, const nn::ParamOptions& where) {
  const fs::path source = required_key(config.base_config, "base_config"), folder = required_key(config.output, "output");
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
  Objective(const PretrainConfig& config, const models::Pipeline& pipe) : pipe_(pipe) {
    if (pipe.scheduler().is_flow()) {
      if (!config.teacher.empty())
        throw ConfigError("pretrain", "teacher serves DDIM bases only, and base_config's scheduler is a flow-matching one");
      return;
    }
    alpha_bars_ = alpha_bars_of(pipe.scheduler(), pipe.options().device);
    if (config.teacher.empty()) return;
    teacher_ = std::make_unique<models::Pipeline>(models::Pipeline::open(config.teacher, pipe.options()));
    if (!teacher_->scheduler().is_flow())
      throw ConfigError("pretrain", cat("teacher must be a flow-matching model; '", config.teacher, "' has ",
                                        teacher_->scheduler().class_name));
  }
  models::Pipeline* teacher() const { return teacher_.get(); }
  Tensor operator()(const Batch& batch) const {
    return alpha_bars_.defined() ? epsilon_loss(pipe_, teacher_.get(), alpha_bars_, batch)
                                 : flow_matching_loss(pipe_, batch);
  }

 private:
  const models::Pipeline& pipe_;
  std::unique_ptr<models::Pipeline> teacher_;
  Tensor alpha_bars_;
};

}  // namespace

void PretrainConfig::fields(FieldVisitor& v) {
  v.field("task", task, one_of({"base", "reader", "clip"}), "what is trained");
  v.field("output", output, any_value(), "model folder to write");
  v.field("base_config", base_config, input_path(), "folder with the configs of a new model");
  v.field("teacher", teacher, input_path(), "flow model that a DDIM base starts from and learns from; \"\" = none");
  v.field("device", device, one_of({"cpu", "cuda"}), "where to train");
  v.field("seed", seed, at_least(0), "names every random stream");
  v.field("steps", steps, at_least(1), "optimizer steps");
  v.field("batch", batch, at_least(1), "pictures per step");
  v.field("pictures", pictures, at_least(1), "pictures drawn once for the whole run");
  v.field("drop_prompt", drop_prompt, between(0, 1), "share of empty prompts (classifier-free dropout)");
  v.field("keep_colors", keep_colors, between(0, 1), "share of captions that name the colours");
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
  if (models::Pipeline* teacher = objective.teacher()) train::copy_weights(params, named(all_params(*teacher)), config.teacher);
  const TrainingSet set = make_training_set(config, pipe);
  const bool finished = train::run_pretraining(
      {.run = options.run,
       .resume = options.resume,
       .steps = config.steps,
       .curve = {.kind = "cosine", .warmup = config.warmup, .final_rate = config.final_rate},
       .optimizer = config.optimizer,
       .ema = config.ema,
       .checkpoint = config.checkpoint,
       .params = params,
       .loss = [&](int64_t step) { return objective(draw_batch(config, set, pipe, step)); },
       .save = [&] { pipe.save(config.output); }});
  if (finished) log_info(cat("wrote ", config.output));
  return finished;
}

}  // namespace gamut::glyphs
