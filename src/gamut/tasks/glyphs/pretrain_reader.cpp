// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/pretrain_reader.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/random.h"
#include "gamut/core/stop.h"
#include "gamut/models/reader/reader_net.h"
#include "gamut/nn/device.h"
#include "gamut/nn/images.h"
#include "gamut/tasks/glyphs/face_classifier.h"
#include "gamut/tasks/glyphs/pretrain_data.h"
#include "gamut/tasks/glyphs/reader_batches.h"
#include "gamut/train/progress.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

namespace gamut::glyphs {
namespace {

using at::Tensor;

constexpr int64_t kReaderQualityEvery = 100;
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

}  // namespace

void ReaderAugmentConfig::fields(FieldVisitor& v) {
  v.field("noise", noise, between(0, 1), "largest standard deviation of white noise");
  v.field("blur", blur, between(0, 1), "largest weight of the 3x3 mean");
  v.field("shade", shade, between(0, 1), "largest standard deviation of a smooth change of colour");
  v.field("grid", grid, between(0, 1), "largest standard deviation of a pattern of period two pixels");
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
  train::AdamW optimizer(params, config.optimizer);
  GlyphRenderer renderer;

  const train::LearningRateSchedule curve{.kind = "cosine", .warmup = config.warmup};
  const train::Progress progress(0, config.steps);
  Tensor loss_sum = at::zeros({}, reader.device());
  for (int64_t step = 0; step < config.steps && !stop_requested(); ++step) {
    const ReaderBatch batch = draw_reader_batch(config, renderer, step);
    const Tensor logits = reader.net().training_logits(batch.pictures_BCHW.to(reader.device()));
    const Tensor loss = at::cross_entropy_loss(logits, batch.targets_BK.to(reader.device()));
    loss.backward();
    optimizer.clip_gradients(optimizer.grad_norm());
    optimizer.step(config.optimizer.learning_rate * curve.share(step, config.steps));
    optimizer.zero_grad();
    loss_sum += loss.detach();
    if ((step + 1) % kReaderQualityEvery == 0) {
      const double mean_loss = loss_sum.item<double>() / kReaderQualityEvery;
      loss_sum.zero_();
      if (!std::isfinite(mean_loss))
        throw NumericalError(
            "pretrain", cat("the loss is not finite at step ", step + 1, "; lower optimizer.learning_rate"));
      log_info(cat(progress.line(step + 1), ", loss ", rounded(mean_loss, 4)));
    }
  }
  reader.save(config.output);
  const ReaderQuality report = evaluate(config, reader, renderer);
  log_info(cat("wrote ", config.output, ": accuracy ", rounded(report.accuracy, 4),
               faces ? cat(", of styles ", rounded(report.style_accuracy, 4)) : "",
               ", probability of the right ", faces ? "face " : "character ",
               rounded(report.mean_probability, 4), ", largest probability without one ",
               rounded(report.garbage_confidence, 4)));
  return report;
}

}  // namespace gamut::glyphs
