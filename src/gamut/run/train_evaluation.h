// SPDX-License-Identifier: Apache-2.0
// The evaluations of a run in training: rows of evals.jsonl, pictures below samples/, events.
#pragma once

#include "gamut/run/train_recipe.h"
#include "gamut/train/event_log.h"
#include "gamut/train/trainer.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gamut::io {
class JsonLines;
}

namespace gamut::run {

class TrainEvaluation {
 public:
  TrainEvaluation(const TrainRecipe& recipe, std::filesystem::path run, rewards::Reward& reward,
                  rewards::Reward& judge, comm::Group& group,
                  std::function<void(const nlohmann::ordered_json&)> observer = {});

  // Every pass that the recipe asks for on the trainer's weights of now, the averaged ones where a pass says
  // so. Every process of the group calls it; the one that leads gives where rows and events go.
  void evaluate(train::Trainer& trainer, io::JsonLines* evals, train::EventLog* events);

  // What the evaluations ask the text encoders.
  std::vector<std::vector<std::string>> encoded_lists() const;

  const std::vector<text::Prompt>& prompts() const { return prompts_.at("prompts"); }

 private:
  void add_prompts(const std::string& set, const std::filesystem::path& file);
  void evaluate_pass(const eval::EvalPass& pass, train::Trainer& trainer, io::JsonLines* evals,
                     train::EventLog* events);
  // The sheet; "" where a pass keeps no pictures.
  std::filesystem::path save_pictures(const eval::EvalPass& pass, int64_t step,
                                      const at::Tensor& pictures) const;

  eval::EvalConfig config_;
  std::filesystem::path run_;
  rewards::Reward& reward_;
  rewards::Reward& judge_;
  comm::Group& group_;
  std::function<void(const nlohmann::ordered_json&)> observer_;  // sees each row
  std::unique_ptr<rewards::FeatureExtractor> features_;
  std::unique_ptr<eval::PictureClassifier> classifier_;
  std::vector<eval::EvalPass> passes_;
  std::map<std::string, std::vector<text::Prompt>> prompts_;  // by EvalPass::set
};

// Share of a run's time that its evaluations took so far, from disk: "evaluation took 8.4 % of the run (12.1
// s of 144 s)". "" without rows.
std::string evaluation_cost(const std::filesystem::path& run);

}  // namespace gamut::run
