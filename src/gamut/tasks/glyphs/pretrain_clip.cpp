// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/pretrain_clip.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/random.h"
#include "gamut/tasks/glyphs/glyphs.h"
#include "gamut/io/files.h"
#include "gamut/io/inside.h"
#include "gamut/nn/device.h"
#include "gamut/text/clip_tokenizer.h"
#include "gamut/tasks/glyphs/pretrain_data.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <vector>

namespace gamut::glyphs {
namespace {

namespace fs = std::filesystem;
using at::Tensor;

constexpr int64_t kRetrievalBatch = 64;

// Glyph pictures with the tokens of their captions.
struct CaptionedGlyphs {
  GlyphPictures glyphs;
  Tensor tokens_NL;  // int64
};

CaptionedGlyphs captioned(const models::Clip& clip, int64_t count, uint64_t seed) {
  GlyphPictures glyphs = draw_glyph_pictures(count, seed, clip.options().device);
  std::vector<std::string> captions;
  for (const GlyphSpec& spec : glyphs.specs) captions.push_back(glyph_caption(spec, true, true));
  return {.glyphs = std::move(glyphs), .tokens_NL = clip.tokenize(captions)};
}

// All random choices of one step come from one named stream, so that a resumed run draws the same.
Tensor step_loss(const ClipTrainingConfig& config, const models::Clip& clip, const CaptionedGlyphs& set,
                 int64_t step) {
  Stream stream(uint64_t(config.seed), "pretrain_clip.batch", {step});
  std::vector<int64_t> rows;
  for (int64_t b = 0; b < config.batch; ++b) rows.push_back(stream.below(config.pictures));
  at::manual_seed(stream.bits64());
  const Tensor row = at::tensor(rows, at::kLong).to(clip.options().device);
  const Tensor pictures = train::disturb(pictures_at(set.glyphs, row).to(at::kCPU), config.augment);
  return contrastive_loss(clip.image_embeddings(clip.preprocess(pictures)),
                          clip.text_embeddings(set.tokens_NL.index_select(0, row)), clip.logit_scale());
}

// A new model folder: the configs, a tokenizer of the captions' words, weights drawn from the seed.
models::Clip create_clip(const ClipTrainingConfig& config) {
  const fs::path source = required_key(config.clip_config, "clip_config"),
                 folder = required_key(config.output, "output");
  if (!fs::exists(source / "config.json"))
    throw EnvironmentError("pretrain", cat("clip_config must be a folder with the configs of a CLIP model; '",
                                           source.string(), "' has no config.json"));
  io::copy_folder(source, folder);
  const models::ClipConfig parsed =
      models::parse_clip_config(io::read_json(source / "config.json"), (source / "config.json").string());
  text::write_word_tokenizer(folder, glyph_caption_words(), parsed.text.max_positions);
  return models::Clip::create(folder, uint64_t(config.seed), {.device = nn::open_device(config.device)});
}

}  // namespace

void ClipTrainingConfig::fields(FieldVisitor& v) {
  v.field("task", task, one_of({"base", "reader", "faces", "clip"}), "what is trained");
  v.field("output", output, any_value(), "model folder to write");
  v.field("clip_config", clip_config, input_path(), "folder with the configs of a new model");
  v.field("device", device, one_of({"cpu", "cuda"}), "where to train");
  v.field("seed", seed, at_least(0), "names every random stream");
  v.field("steps", steps, at_least(1), "optimizer steps");
  v.field("batch", batch, at_least(2), "pictures per step");
  v.field("pictures", pictures, at_least(1), "pictures drawn once for the whole run");
  v.field("holdout", holdout, at_least(64), "pictures of the final test");
  v.field("warmup", warmup, at_least(0), "steps of linear warm-up");
  v.field("final_rate", final_rate, between(0, 1), "learning rate at the end, as a share of the full one");
  v.table("optimizer", optimizer, "AdamW");
  v.table("ema", ema, "moving average of the weights; it is what gets saved");
  v.table("checkpoint", checkpoint, "for resuming");
  v.table("augment", augment, "how training pictures are disturbed");
}

Tensor contrastive_loss(const Tensor& images, const Tensor& texts, const Tensor& logit_scale) {
  const Tensor logits = images.matmul(texts.t()) * logit_scale.exp();
  const Tensor own = at::arange(logits.size(0), at::TensorOptions(at::kLong).device(logits.device()));
  return (at::cross_entropy_loss(logits, own) + at::cross_entropy_loss(logits.t(), own)) / 2;
}

double text_to_image_top1(const models::Clip& clip, int64_t holdout, uint64_t seed) {
  GAMUT_CHECK(holdout >= kRetrievalBatch, "holdout ", holdout);
  const at::NoGradGuard no_grad;
  const CaptionedGlyphs set = captioned(clip, holdout, Stream(seed, "pretrain_clip.holdout").bits64());
  const Tensor own = at::arange(kRetrievalBatch);
  int64_t right = 0, asked = 0;
  for (int64_t begin = 0; begin + kRetrievalBatch <= holdout; begin += kRetrievalBatch) {
    const Tensor row = at::arange(begin, begin + kRetrievalBatch).to(clip.options().device);
    const Tensor images = clip.image_embeddings(clip.preprocess(pictures_at(set.glyphs, row)));
    const Tensor texts = clip.text_embeddings(set.tokens_NL.index_select(0, row));
    right += texts.matmul(images.t()).argmax(1).to(at::kCPU).eq(own).sum().item<int64_t>();
    asked += kRetrievalBatch;
  }
  return double(right) / double(asked);
}

bool pretrain_clip(const ClipTrainingConfig& config, const PretrainOptions& options) {
  models::Clip clip = create_clip(config);
  clip.params().require_grad(true);
  const CaptionedGlyphs set = captioned(clip, config.pictures, uint64_t(config.seed));
  const auto hold_scale = [&clip] {
    const at::NoGradGuard no_grad;
    clip.logit_scale().clamp_(std::nullopt, std::log(100.0));
  };
  train::PretrainLoop loop = loop_of(config, options);
  loop.params = clip.params().params();
  loop.loss = [&](int64_t step) { return step_loss(config, clip, set, step); };
  loop.after_update = hold_scale;
  loop.save = [&] { clip.save(config.output); };
  if (!train::run_pretraining(loop)) return false;
  const models::Clip saved = models::Clip::open(config.output, clip.options());
  const double top1 = text_to_image_top1(saved, config.holdout, uint64_t(config.seed));
  io::JsonLines(options.run / "metrics.jsonl").append({{"step", config.steps}, {"text_to_image_top1", top1}});
  log_info(cat("wrote ", config.output, ": ", rounded(top1, 4),
               " of held-out captions find their picture among ", kRetrievalBatch, ", logit scale ",
               saved.logit_scale().exp().item<double>()));
  return true;
}

}  // namespace gamut::glyphs
