// SPDX-License-Identifier: Apache-2.0
// Does variety survive? A policy of two dimensions that draws two modes equally often, one of which is rewarded
// slightly more. Trained by the parts that train pictures: rollout, credit, surrogate, regularizer.
#include "gamut/algorithms/algorithm.h"
#include "gamut/algorithms/credit.h"
#include "gamut/core/random.h"
#include "gamut/diffusion/step.h"
#include "gamut/diversity/distances.h"
#include "gamut/train/update.h"
#include "support/threads.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>

namespace gamut::train {
namespace {

constexpr int64_t kPrompts = 4, kKept = 16, kHidden = 32, kWidth = 4;
constexpr double kSpread = 0.4;                  // std within a mode
constexpr std::array<double, 2> kPeaks{1, 0.9};  // best reward in the mode at (2, 0) and at (-2, 0)
const std::vector<int64_t> kShape{2, 1, 1};

at::Tensor centers() { return at::tensor({2.F, 0.F, -2.F, 0.F}).view({2, 2}); }

// Squared distances to the two centers, [B, 2].
at::Tensor squares_to(const at::Tensor& points_B2, const at::Tensor& centers_22) {
  return (points_B2.unsqueeze(1) - centers_22).square().sum(2);
}

// Exact velocity of two equally likely normals around the centers.
at::Tensor mixture_velocity(const at::Tensor& x_B2, double sigma) {
  const double variance = (1 - sigma) * (1 - sigma) * kSpread * kSpread + sigma * sigma;
  const at::Tensor shrunk = centers() * (1 - sigma);
  const at::Tensor share = (squares_to(x_B2, shrunk) * (-0.5 / variance)).softmax(1).unsqueeze(2);
  const at::Tensor away = x_B2.unsqueeze(1) - shrunk;  // [B, 2 modes, 2]
  const double slope = (sigma - (1 - sigma) * kSpread * kSpread) / variance;
  return (share * (away * slope - centers())).sum(1);
}

// That plus a small network of point, time and prompt, which is zero at the start.
class Policy {
 public:
  explicit Policy(uint64_t seed) {
    Stream stream(seed, "toy.in");
    stream.fill_normal({params_[0].tensor.mutable_data_ptr<float>(), size_t(params_[0].tensor.numel())});
    for (auto& [name, tensor] : params_) tensor.requires_grad_(true);
  }
  std::vector<nn::NamedTensor> params() const { return params_; }

  at::Tensor operator()(const at::Tensor& x, const at::Tensor& prompt_B1W, const diffusion::Step& step) const {
    const at::Tensor point = x.reshape({-1, 2});
    const at::Tensor time = at::full({point.size(0), 1}, step.sigma), ones = at::ones({point.size(0), 1});
    const at::Tensor input = at::cat({point, prompt_B1W.squeeze(1), time, ones}, 1);
    const at::Tensor learned = at::tanh(input.matmul(params_[0].tensor)).matmul(params_[1].tensor);
    return (mixture_velocity(point, step.sigma) + learned).view(x.sizes());
  }

 private:
  std::vector<nn::NamedTensor> params_{{"in", at::zeros({4 + kWidth, kHidden})},
                                       {"out", at::zeros({kHidden, 2})}};
};

// Share of the points within 1.2 of each center.
std::array<double, 2> mode_shares(const at::Tensor& points_B2) {
  const at::Tensor near = (squares_to(points_B2, centers()) < 1.44).to(at::kDouble).mean(0);
  return {near[0].item<double>(), near[1].item<double>()};
}

std::vector<double> rewards_of(const at::Tensor& points_B2) {
  const at::Tensor peaks = at::tensor({kPeaks[0], kPeaks[1]});
  const at::Tensor reward = ((squares_to(points_B2, centers()).to(at::kDouble) * -0.5).exp() * peaks).amax(1);
  return {reward.const_data_ptr<double>(), reward.const_data_ptr<double>() + reward.numel()};
}

class Learner {
 public:
  Learner(const algorithms::Slots& slots, int64_t iterations, uint64_t seed, double rate)
      : slots_(slots),
        seed_(seed),
        iterations_(iterations),
        members_(slots.subset.is_on() ? 2 * kKept : kKept),
        policy_(seed),
        optimizer_(policy_.params(), {.learning_rate = rate}),
        schedule_(diffusion::make_schedule(slots.sampler)) {
    Stream stream(seed, "toy.prompts");
    stream.fill_normal({prompts_.mutable_data_ptr<float>(), size_t(prompts_.numel())});
  }

  void train() {
    for (int64_t i = 0; i < iterations_; ++i) iterate(i);
  }

  // Of 1024 pictures by the ODE with the clean prompts, as evaluation draws them.
  std::array<double, 2> shares() const {
    std::vector<diffusion::SampleKey> keys;
    for (int64_t i = 0; i < 1024; ++i) keys.push_back({0, i % kPrompts, i});
    diffusion::SamplerConfig ode = slots_.sampler;
    ode.kind = "ode";
    const at::Tensor hidden = embeddings(keys);
    const diffusion::Trajectories drawn = diffusion::rollout(
        diffusion::make_schedule(ode), diffusion::initial_noise({.seed = seed_, .purpose = "eval"}, keys, kShape),
        [&](const at::Tensor& x, const diffusion::Step& step) { return policy_(x, hidden, step); }, {}, {});
    return mode_shares(drawn.final_BCHW.reshape({-1, 2}));
  }

 private:
  at::Tensor embeddings(const std::vector<diffusion::SampleKey>& keys) const {
    std::vector<int64_t> rows;
    for (const diffusion::SampleKey& key : keys) rows.push_back(key.prompt);
    return prompts_.index_select(0, at::tensor(rows));
  }

  MicroBatch roll_out(int64_t iteration) const {
    std::vector<diffusion::SampleKey> keys;
    for (int64_t i = 0; i < kPrompts * members_; ++i)
      keys.push_back({iteration, i / members_, i % members_});
    const algorithms::ConditioningNoise noise(slots_.conditioning, seed_, keys, iteration, iterations_,
                                              int64_t(schedule_.size()));
    MicroBatch batch;
    batch.denoiser = [this, noise, hidden = embeddings(keys)](const at::Tensor& x, const diffusion::Step& step) {
      return policy_(x, noise.perturb(hidden, step), step);
    };
    const diffusion::NoiseSource source{.seed = seed_};
    batch.trajectories = diffusion::rollout(
        schedule_, diffusion::initial_noise(source, keys, kShape), batch.denoiser,
        [&](int64_t step) { return diffusion::step_noise(source, keys, kShape, step); }, {});
    return batch;
  }

  void add_credit(MicroBatch& batch, int64_t iteration) const {
    const at::Tensor points = batch.trajectories.final_BCHW.reshape({-1, 2});
    const std::vector<double> rewards = rewards_of(points);
    std::vector<algorithms::Group> groups;
    for (int64_t p = 0; p < kPrompts; ++p) {
      const auto begin = rewards.begin() + p * members_;
      // The centers are 1 apart, the members of a mode about 0.15.
      groups.push_back({.rewards = {begin, begin + members_},
                        .scored = std::vector<uint8_t>(size_t(members_), 1),
                        .distances_NN = diversity::euclidean_distances(points.narrow(0, p * members_, members_)) / 4});
    }
    const algorithms::Credit credit = algorithms::assign_credit(
        groups, {.subset = slots_.subset, .shaping = slots_.shaping, .advantage = slots_.advantage},
        {.seed = seed_, .iteration = iteration, .iterations = iterations_,
         .steps = int64_t(schedule_.size()), .keep = kKept});
    std::vector<float> advantages, trained;
    for (const algorithms::GroupCredit& group : credit.groups) {
      advantages.insert(advantages.end(), group.advantages.begin(), group.advantages.end());
      trained.insert(trained.end(), group.trained.begin(), group.trained.end());
    }
    batch.advantages_B = at::tensor(advantages);
    batch.weights_B = at::tensor(trained);
  }

  // The base's means where the regularizer acts; the base is the mixture alone.
  void add_reference(MicroBatch& batch, const std::vector<int64_t>& steps) const {
    if (!slots_.regularizer.is_on()) return;
    for (const int64_t i : steps) {
      if (slots_.regularizer.step_weight(i) == 0) continue;
      const at::Tensor& x = batch.trajectories.latents[size_t(i)];
      const diffusion::Step& step = schedule_[size_t(i)];
      const at::Tensor base = mixture_velocity(x.reshape({-1, 2}), step.sigma).view(x.sizes());
      batch.reference[i] = diffusion::step_mean(step, x, base);
    }
  }

  void iterate(int64_t iteration) {
    MicroBatch batch = roll_out(iteration);
    add_credit(batch, iteration);
    const std::vector<int64_t> steps = algorithms::choose_steps(slots_.schedule, schedule_, seed_, iteration);
    add_reference(batch, steps);
    const UpdateReport report = accumulate_gradient(
        {&batch}, {.schedule = schedule_, .trained_steps = steps, .slots = slots_}, optimizer_);
    EXPECT_EQ(report.ratio_max_deviation, 0.0);
    optimizer_.clip_gradients(optimizer_.grad_norm());
    optimizer_.step();
    optimizer_.zero_grad();
    if (getenv("TOY_TRACE") && iteration % 50 == 0) { auto s = shares(); std::printf("  %d: %.3f %.3f\n", int(iteration), s[0], s[1]); }
  }

  algorithms::Slots slots_;
  uint64_t seed_;
  int64_t iterations_, members_;
  Policy policy_;
  at::Tensor prompts_ = at::zeros({kPrompts, 1, kWidth});
  AdamW optimizer_;
  std::vector<diffusion::Step> schedule_;
};

double env(const char* n, double d) { const char* s = getenv(n); return s ? atof(s) : d; }

TEST(toy_variety, explore) {
  const testing::Threads threads(1);
  const std::string name = getenv("TOY_ALG") ? getenv("TOY_ALG") : "flow_grpo";
  for (const uint64_t seed : {1, 2, 3}) {
    algorithms::Slots slots = algorithms::fill_slots(name);
    const algorithms::Slots flow = algorithms::fill_slots("flow_grpo");
    slots.sampler = flow.sampler;
    slots.schedule = flow.schedule;
    slots.sampler.steps = int64_t(env("TOY_STEPS", 6));
    if (getenv("TOY_LAMBDA")) slots.shaping.weight = env("TOY_LAMBDA", 0);
    if (getenv("TOY_BETA")) slots.shaping.beta = env("TOY_BETA", 0);
    if (getenv("TOY_GATE")) slots.shaping.gate = getenv("TOY_GATE");
    if (getenv("TOY_KIND")) slots.advantage.kind = getenv("TOY_KIND");
    if (getenv("TOY_SUBSET")) slots.subset.kind = getenv("TOY_SUBSET");
    Learner learner(slots, int64_t(env("TOY_ITER", 300)), seed, env("TOY_LR", 5e-3));
    const auto before = learner.shares();
    learner.train();
    const auto after = learner.shares();
    std::printf("%s seed %d: %.3f %.3f -> %.3f %.3f\n", name.c_str(), int(seed), before[0], before[1], after[0], after[1]);
  }
}

}  // namespace
}  // namespace gamut::train
