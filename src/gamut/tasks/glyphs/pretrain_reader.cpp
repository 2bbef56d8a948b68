// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/pretrain_reader.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/random.h"
#include "gamut/models/reader/reader_net.h"
#include "gamut/nn/device.h"
#include "gamut/nn/images.h"
#include "gamut/tasks/glyphs/face_classifier.h"
#include "gamut/tasks/glyphs/pretrain_data.h"
#include "gamut/tasks/glyphs/reader_batches.h"
#include "gamut/train/pretrain_loop.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace gamut::glyphs {
namespace {

using at::Tensor;

constexpr int64_t kEvalBatch = 256;

Tensor probabilities(models::Reader& reader, const Tensor& pictures) {
  const at::NoGradGuard no_grad;
  std::vector<Tensor> parts;
  for (const Tensor& part : pictures.split(kEvalBatch))
    parts.push_back(reader.net().logits(part.to(reader.device())).softmax(1).to(at::kCPU));
  return at::cat(parts);
}

double style_accuracy(const Tensor& read, const Tensor& right, const std::vector<std::string>& faces) {
  const Tensor styles = styles_of(faces);
  return style_probabilities(read, styles)
      .argmax(1)
      .eq(styles.index_select(0, right))
      .to(at::kDouble)
      .mean()
      .item<double>();
}

ReaderQuality evaluate(const ReaderTrainingConfig& config, models::Reader& reader, GlyphRenderer& renderer) {
  // A seed of its own: the set shares no picture with any training step.
  const GlyphSet set =
      make_glyph_set(config.holdout, Stream(uint64_t(config.seed), "reader.holdout").bits64());
  std::vector<int64_t> classes;
  for (const GlyphSpec& spec : set.specs) classes.push_back(class_of(spec, config));
  const Tensor right = at::tensor(classes, at::kLong);
  const Tensor read = probabilities(reader, nn::images_to_tensor(set.images));
  const Tensor garbage = probabilities(reader, draw_garbage(config, renderer, config.holdout / 8 + 1));
  return {.accuracy = read.argmax(1).eq(right).to(at::kDouble).mean().item<double>(),
          .mean_probability = read.gather(1, right.unsqueeze(1)).mean().item<double>(),
          .style_accuracy = config.task == "faces" ? style_accuracy(read, right, reader.config().classes) : 0,
          .garbage_confidence = garbage.amax(1).mean().item<double>()};
}

Tensor step_loss(const ReaderTrainingConfig& config, models::Reader& reader, GlyphRenderer& renderer,
                 int64_t step) {
  const ReaderBatch batch = draw_reader_batch(config, renderer, step);
  const Tensor logits = reader.net().training_logits(batch.pictures_BCHW.to(reader.device()));
  return at::cross_entropy_loss(logits, batch.targets_BK.to(reader.device()));
}

}  // namespace

void ReaderAugmentConfig::fields(FieldVisitor& v) {
  Disturbance::fields(v);
  v.field("garbage", garbage, between(0, 0.5), "share of pictures that show no character");
}

void ReaderTrainingConfig::fields(FieldVisitor& v) {
  v.field("task", task, one_of({"base", "reader", "faces", "clip"}), "what is trained");
  v.field("output", output, any_value(), "model folder to write");
  v.field("device", device, one_of({"cpu", "cuda"}), "where to train");
  v.field("seed", seed, at_least(0), "names every random stream");
  v.field("steps", steps, at_least(1), "optimizer steps");
  v.field("batch", batch, at_least(2), "pictures per step");
  v.field("warmup", warmup, at_least(0), "steps of linear warm-up");
  v.field("holdout", holdout, at_least(1), "pictures of the final test");
  v.table("optimizer", optimizer, "AdamW");
  v.table("augment", augment, "how training pictures are disturbed");
}

ReaderQuality pretrain_reader(const ReaderTrainingConfig& config) {
  required_key(config.output, "output");
  const bool faces = config.task == "faces";
  models::Reader reader =
      models::Reader::create({.characters = faces ? "" : glyph_characters(),
                              .classes = faces ? face_classes() : std::vector<std::string>{}},
                             uint64_t(config.seed), {.device = nn::open_device(config.device)});
  const std::vector<nn::NamedTensor> params = reader.trainable();
  for (const nn::NamedTensor& param : params) param.tensor.requires_grad_(true);
  GlyphRenderer renderer;
  train::PretrainLoop loop;
  loop.steps = config.steps;
  loop.curve = {.kind = "cosine", .warmup = config.warmup};
  loop.optimizer = config.optimizer;
  loop.ema.decay = 0;
  loop.params = params;
  loop.loss = [&](int64_t step) { return step_loss(config, reader, renderer, step); };
  loop.save = [&] { reader.save(config.output); };
  train::run_pretraining(loop);
  const ReaderQuality report = evaluate(config, reader, renderer);
  log_info(cat("wrote ", config.output, ": accuracy ", rounded(report.accuracy, 4),
               faces ? cat(", of styles ", rounded(report.style_accuracy, 4)) : "",
               ", probability of the right ", faces ? "face " : "character ",
               rounded(report.mean_probability, 4), ", largest probability without one ",
               rounded(report.garbage_confidence, 4)));
  return report;
}

}  // namespace gamut::glyphs
