// SPDX-License-Identifier: Apache-2.0
// What is trained on, and how. Siblings behind one interface: the policy gradient asks the network at the
// denoising steps of stored trajectories; the objectives on the forward process ask it at finished latents
// with new noise, at random times, so that any sampler may draw them. docs/howto/add_an_objective.md builds
// one.
#pragma once

#include "gamut/algorithms/loss.h"
#include "gamut/algorithms/regularizer.h"
#include "gamut/core/config.h"
#include "gamut/diffusion/forward_process.h"
#include "gamut/diffusion/rollout.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gamut::algorithms {

struct Slots;
struct IterationSteps;

// [objective] of a recipe. The keys after `kind` are the forward process's.
struct ObjectiveConfig {
  std::string kind = "policy_gradient";  // policy_gradient (with [loss]) | awm | nft | weighted_matching
  int64_t draws = 1;                     // times and noises per picture
  std::string times = "uniform";         // uniform | logit_normal | grid: noise levels of the sampler's steps
  double plain_share = 0;                // of the draws, with the plain prompt in place of the caption
  // awm: weight of the matching error by time | ghuber: t times a power of the error
  std::string time_weight = "none";  // none | t | t2 | ghuber
  double ghuber_power = 0.25;
  // nft
  double beta = 1.0;
  double advantage_max = 5.0;
  // nft: after an iteration, old <- d old + (1 - d) current, d = min(rate (updates - start), max), 0 before
  // the start.
  double old_decay_rate = 0.001, old_decay_max = 0.5;
  int64_t old_decay_start = 0;
  // weighted_matching
  std::string weighting = "reward";  // reward | threshold | exp
  double threshold = 0.5, temperature = 1.0;
  int64_t buffer = 0;  // weighted_matching: newest iterations whose pictures train
  void fields(FieldVisitor& v);
};

// The sets of weights that an objective or a regularizer can ask for. Old: the behavior policy, which drew
// the pictures.
enum class Policy { kCurrent, kOld, kAverage, kBase, kPeriodic };
Policy policy_of(const RegularizerConfig& config);  // what the regularizer's `reference` names

struct Needs {
  bool trajectory = true;  // latents and log-probabilities of the rollout's steps, and steps that train
  bool means = false;      // the behavior policy's step means
  bool old = false;        // the old policy's output at each item
  bool slow_old =
      false;  // an old policy that follows the current one by a decay of its own, and draws the pictures
};

// Rows of one micro-batch as they were drawn, with their credit.
struct CreditedRows {
  diffusion::Trajectories trajectories;
  std::vector<diffusion::SampleKey> keys;   // name the rows' random streams
  at::Tensor advantages_B, weights_B;       // fp32; weight 1 = trained, 0 = left out
  std::vector<at::Tensor> step_advantages;  // one [B] per denoising step; empty: advantages_B at every step
};

// One call of the network: all rows at a denoising step, or each at a point of the forward process.
struct TrainItem {
  int64_t index = 0;  // the denoising step, or which draw
  at::Tensor x_BCHW;  // where the network is asked
  at::Tensor advantage_B, weight_B;
  diffusion::Step step = {};  // policy gradient
  at::Tensor next_BCHW = {}, old_log_prob_B = {}, old_mean_BCHW = {};
  std::vector<diffusion::ForwardPoint> points =
      {};  // forward process, one per row; empty: all rows at `step`
  at::Tensor clean_BCHW = {}, target_BCHW = {};
};

// The network's outputs at an item.
struct Predictions {
  at::Tensor current = {};  // with its graph
  at::Tensor old = {};      // of Needs::old
  at::Tensor reference =
      {};  // of the regularizer's policy on the rows `anchored`; undefined: the regularizer does not act
  at::Tensor anchored = {};  // int64; undefined: all rows, by weight_B
};

class Objective {
 public:
  virtual ~Objective() = default;
  virtual Needs needs() const = 0;
  // The items of these rows; `steps`: of the iteration. The same rows give the same items, whatever their
  // micro-batch.
  virtual std::vector<TrainItem> items(const CreditedRows& rows, const IterationSteps& steps) const = 0;
  virtual int64_t items_per_picture(const IterationSteps& steps) const = 0;
  // Sums over the item's rows.
  virtual LossTerms loss(const TrainItem& item, const Predictions& predictions) const = 0;
  // Whether the regularizer acts on the item.
  virtual bool anchors(const TrainItem& item) const = 0;

  const RegularizerConfig& regularizer() const { return regularizer_; }

 protected:
  explicit Objective(const RegularizerConfig& regularizer) : regularizer_(regularizer) {}
  RegularizerConfig regularizer_;
};

// `seed` names the streams of times and noise. ConfigError when slots have no meaning together.
std::unique_ptr<Objective> make_objective(const Slots& slots, uint64_t seed);

}  // namespace gamut::algorithms
