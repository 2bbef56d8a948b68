// SPDX-License-Identifier: Apache-2.0
// make_plan of plan.h.

#include "gamut/models/guidance.h"
#include "gamut/nn/cost.h"
#include "gamut/nn/device.h"
#include "gamut/nn/meta.h"
#include "gamut/train/actor.h"
#include "gamut/train/ema.h"
#include "gamut/train/optimizer.h"
#include "gamut/train/plan.h"
#include "gamut/train/policy.h"
#include "gamut/train/policy_set.h"
#include "gamut/train/update.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace gamut::train {
namespace {

using nn::MetaMemory;

// What one piece of work computes and holds.
struct Cost {
  double flops = 0;
  int64_t before = 0, peak = 0, after = 0;
  int64_t kept() const { return after - before; }
  int64_t working() const { return peak - before; }
};

template <class Work>
Cost cost_of(const Work& work) {
  Cost cost;
  MetaMemory::reset_peak();
  cost.before = MetaMemory::live();
  const nn::FlopCounter counter;
  work();
  cost.flops = counter.total();
  cost.peak = MetaMemory::peak();
  cost.after = MetaMemory::live();
  return cost;
}

int64_t bytes_of(const nn::ParamStore& store) {
  int64_t bytes = 0;
  for (const nn::NamedTensor& param : store.params()) bytes += int64_t(param.tensor.nbytes());
  return bytes;
}

int64_t count_of(const std::vector<nn::NamedTensor>& params) {
  int64_t count = 0;
  for (const nn::NamedTensor& param : params) count += param.tensor.numel();
  return count;
}

models::Pipeline open_without_data(const TrainConfig& config) {
  nn::ParamOptions options = nn::params_for(at::Device(config.device), config.dtype, config.mixed_precision);
  options.device = at::kMeta;
  models::Pipeline policy = models::Pipeline::open(config.model, options);
  shape_inputs(config, policy);
  return policy;
}

// The gate's rewards are not loaded: the reference is planned for every row, which the gate only makes fewer.
TrainConfig without_gate(TrainConfig config) {
  if (config.slots.regularizer.kind == "gated_kl") config.slots.regularizer.kind = "kl_flow";
  return config;
}

at::Tensor twin(const at::Tensor& tensor) { return tensor.defined() ? at::empty_like(tensor) : tensor; }

// Another micro-batch's rollout of the same shapes.
Rollout twin(const Rollout& rollout, const std::vector<SampleRow>& places) {
  const auto copy = [](const at::Tensor& tensor) { return twin(tensor); };
  const auto copies = [&](std::vector<at::Tensor> tensors) {
    for (at::Tensor& tensor : tensors) tensor = copy(tensor);
    return tensors;
  };
  const diffusion::Trajectories& from = rollout.trajectories;
  return {.rows = places,
          .trajectories = {.latents = copies(from.latents),
                           .log_probs = copies(from.log_probs),
                           .final_BCHW = from.latents.empty() ? copy(from.final_BCHW) : at::Tensor(),
                           .means = copies(from.means),
                           .clean = copies(from.clean),
                           .predictions = {}},
          .pictures = copy(rollout.pictures)};
}

// The trainer's parts without its data, made in its order.
class Rehearsal {
 public:
  Rehearsal(const TrainConfig& config, const std::vector<text::Prompt>& prompts, const PlanOptions& options);
  Plan run(const PlanOptions& options);

 private:
  void encode(const std::vector<text::Prompt>& prompts);
  void drop_text_encoders(int64_t evaluated_prompts);
  int64_t graphs_of(const std::vector<SampleRow>& places) const;
  std::vector<Rollout> draw();
  std::vector<MicroBatch> make_batches(std::vector<Rollout> drawn);
  void update(std::vector<MicroBatch>& batches);
  void evaluate(const PlanOptions& options);
  void add_phase(const std::string& name, const Cost& cost, double flops);

  const TrainConfig config_;
  const int64_t prompt_count_;
  const int64_t elsewhere_ = MetaMemory::live();  // not of this plan
  Plan plan_;
  models::Pipeline policy_;
  diffusion::NoiseProcess process_;
  std::vector<nn::NamedTensor> params_;
  std::optional<AdamW> optimizer_;
  std::optional<Ema> ema_;
  std::optional<Actor> actor_;
  std::unique_ptr<algorithms::Objective> objective_;
  std::optional<PolicySet> policies_;
  algorithms::IterationSteps steps_;
  std::set<int64_t> graph_steps_;  // empty: the update computes its own
  at::Tensor other_graphs_;        // stands for those of all micro-batches but the first
};

Rehearsal::Rehearsal(const TrainConfig& config, const std::vector<text::Prompt>& prompts,
                     const PlanOptions& options)
    : config_(without_gate(config)),
      prompt_count_(int64_t(prompts.size())),
      policy_(open_without_data(config)),
      process_(rollout_process(config_, policy_)) {
  plan_.on_cpu = at::Device(config.device).is_cpu();
  plan_.batch = make_batch_plan(config.rollout, config.slots.subset, prompt_count_, policy_.usual_batch());
  for (const models::NamedStore& encoder : policy_.text_encoders()) {
    plan_.parameters.text_encoder += encoder.store->num_elements();
    plan_.held.text_encoder += bytes_of(*encoder.store);
  }
  plan_.parameters = {.text_encoder = plan_.parameters.text_encoder,
                      .denoiser = policy_.denoiser_params().num_elements(),
                      .vae = policy_.coder_params().num_elements()};
  plan_.held.denoiser = bytes_of(policy_.denoiser_params());
  plan_.held.vae = bytes_of(policy_.coder_params());
  plan_.held.adapter = cost_of([&] { params_ = make_trainable(config_, policy_); }).kept();
  plan_.parameters.trained = count_of(params_);
  plan_.held.optimizer = cost_of([&] { optimizer_.emplace(params_, config_.optimizer); }).kept();
  plan_.held.average = cost_of([&] { ema_.emplace(params_, config_.ema); }).kept();
  policy_.set_gradient_checkpointing(config_.gradient_checkpointing);
  const Cost encoding = cost_of([&] { encode(prompts); });
  plan_.held.prompts = encoding.kept();
  add_phase("prompts", encoding, encoding.flops);
  drop_text_encoders(options.evaluated_prompts);
  objective_ = make_objective(config_, process_);
  plan_.held.reference =
      cost_of([&] { policies_.emplace(config_, policy_, params_, objective_->needs()); }).kept();
  check_slots(config_, policy_, process_);
}

// Every prompt of the set, as the iterations draw them all in time.
void Rehearsal::encode(const std::vector<text::Prompt>& prompts) {
  actor_.emplace(config_, policy_, prompts);
  for (int64_t prompt = 0; prompt < prompt_count_; ++prompt)
    actor_->denoiser(policy_, {{.key = {.epoch = 0, .prompt = prompt, .member = 0}, .slot = 0}});
}

void Rehearsal::drop_text_encoders(int64_t evaluated_prompts) {
  if (!may_drop_text_encoders(config_, policy_, prompt_count_ + evaluated_prompts)) return;
  plan_.drops_text_encoders = true;
  plan_.held.text_encoder = 0;
  plan_.held.prompts += cost_of([&] { policy_.keep_encoded({""}); }).kept();
  policy_.drop_text_encoders();
}

void Rehearsal::add_phase(const std::string& name, const Cost& cost, double flops) {
  plan_.phases.push_back(
      {.name = name, .flops = flops, .working = cost.working(), .peak = cost.peak - elsewhere_});
}

// What the rollout of one micro-batch keeps with its graphs and would not keep without.
int64_t Rehearsal::graphs_of(const std::vector<SampleRow>& places) const {
  if (graph_steps_.empty()) return 0;
  const auto kept = [&](const std::set<int64_t>& graph_steps) {
    Rollout rollout;
    return cost_of([&] { rollout = actor_->roll_out(steps_.schedule, places, graph_steps); }).kept();
  };
  return kept(graph_steps_) - kept({});
}

// All micro-batches' rollouts; the first is really drawn.
std::vector<Rollout> Rehearsal::draw() {
  const uint64_t seed = uint64_t(config_.seed);
  const auto places = sample_rows(plan_.batch, draw_prompts(plan_.batch, prompt_count_, seed, 0), 0);
  const double batches = double(places.size());
  const PolicySet::Use behavior = policies_->use(algorithms::Policy::kOld);
  const int64_t graphs = graphs_of(places.front());
  Rollout first;
  Cost drawing = cost_of([&] { first = actor_->roll_out(steps_.schedule, places.front(), graph_steps_); });
  Cost decoding = cost_of([&] { policy_.decode(first.trajectories.final_BCHW); });
  // Pictures of predicted clean latents, for shaping.
  const double decodings = 1 + double(first.trajectories.clean.size());
  plan_.pictures = int64_t(first.pictures.nbytes()) * int64_t(places.size());
  plan_.graphs = graphs * int64_t(places.size());
  plan_.trajectories = drawing.kept() * int64_t(places.size()) - plan_.pictures - plan_.graphs;
  // The last micro-batch is drawn beside what the others left.
  const int64_t others = drawing.kept() * int64_t(places.size() - 1);
  for (Cost* cost : {&drawing, &decoding}) {
    cost->before += others;
    cost->peak += others;
  }
  add_phase("rollout", drawing, (drawing.flops - decoding.flops) * batches);
  add_phase("decode", decoding, decoding.flops * batches * decodings);
  std::vector<Rollout> drawn;
  for (size_t m = 1; m < places.size(); ++m) drawn.push_back(twin(first, places[m]));
  other_graphs_ = at::empty({plan_.graphs - graphs}, at::TensorOptions(at::kMeta).dtype(at::kByte));
  drawn.insert(drawn.begin(), std::move(first));
  return drawn;
}

// As Trainer::make_batches, without values: the first members of each group are kept.
std::vector<MicroBatch> Rehearsal::make_batches(std::vector<Rollout> drawn) {
  std::vector<uint8_t> marks;
  for (const Rollout& rollout : drawn)
    for (const SampleRow& place : rollout.rows) marks.push_back(place.key.member < plan_.batch.keep);
  KeptRollouts kept = keep_rows(std::move(drawn), marks, plan_.batch.micro_batch);
  const at::Tensor row = at::ones({plan_.batch.micro_batch}, at::TensorOptions(at::kMeta));
  const std::vector<uint8_t> all(size_t(plan_.batch.micro_batch), 1);
  std::vector<MicroBatch> batches;
  for (Rollout& rollout : kept.batches) {
    MicroBatch& batch = batches.emplace_back();
    batch.denoiser = actor_->denoiser(policy_, rollout.rows);
    batch.at_points = actor_->point_denoiser(policy_, rollout.rows, steps_.schedule);
    batch.keys = keys_of(rollout.rows);
    batch.advantages_B = at::empty_like(row);
    batch.weights_B = at::empty_like(row);
    batch.trajectories = std::move(rollout.trajectories);
    if (batches.size() == 1)
      policies_->add_predictions(batch, rollout.rows, all, *actor_,
                                 {.steps = steps_, .objective = *objective_});
    else
      for (const auto& [item, said] : batches.front().others)
        batch.others[item] = {.old = twin(said.old), .reference = twin(said.reference)};
  }
  return batches;
}

void Rehearsal::update(std::vector<MicroBatch>& batches) {
  const UpdateInputs inputs{.steps = steps_, .objective = *objective_};
  const algorithms::TrainItem item = objective_->items(batches.front(), steps_).front();
  const auto step = [&] { accumulate_item(batches.front(), inputs, item, {}); };
  std::map<int64_t, at::Tensor> graphs = std::exchange(batches.front().trajectories.predictions, {});
  // The first leaves the gradients behind, beside which all others run.
  plan_.held.gradients = cost_of(step).kept();
  at::Tensor output;
  plan_.activations = cost_of([&] { output = predict(batches.front(), item); }).kept();
  output.reset();
  batches.front().trajectories.predictions = std::move(graphs);
  const Cost cost = cost_of(step);
  add_phase("update", cost, cost.flops * double(int64_t(batches.size()) * plan_.trained_steps));
}

// The averaged weights borrowed, and one micro-batch of pictures beside nothing of an iteration.
void Rehearsal::evaluate(const PlanOptions& options) {
  optimizer_->zero_grad();
  const at::NoGradGuard no_grad;
  const Cost cost = cost_of([&] {
    const BorrowedWeights average(params_, ema_->weights());
    std::vector<int64_t> shape = policy_.latent_shape();
    shape.insert(shape.begin(), plan_.evaluation_micro_batch);
    const models::Conditioning empty = policy_.encode({""}), prompts = empty.repeat(shape.front());
    const at::Tensor x = at::empty(shape, at::TensorOptions(at::kMeta).dtype(at::kFloat));
    policy_.decode(
        models::predict_guided(policy_, x, 0, prompts, empty, {.scale = options.evaluation_guidance}));
  });
  add_phase("evaluation", cost, cost.flops);
}

Plan Rehearsal::run(const PlanOptions& options) {
  const uint64_t seed = uint64_t(config_.seed);
  steps_ =
      algorithms::iteration_steps(config_.slots, objective_->needs(), process_.iteration(seed, 0), seed, 0);
  if (why_no_rollout_graphs(config_).empty())
    graph_steps_.insert(steps_.trained.begin(), steps_.trained.end());
  plan_.steps = int64_t(steps_.schedule.size());
  plan_.trained_steps = objective_->items_per_picture(steps_);
  plan_.trains_trajectory = objective_->needs().trajectory;
  plan_.trained_images = plan_.batch.prompts * plan_.batch.keep;
  {
    std::vector<Rollout> drawn = draw();
    std::vector<at::Tensor> parts;
    for (Rollout& rollout : drawn) parts.push_back(std::move(rollout.pictures));
    const at::Tensor pictures = at::cat(parts);  // they stay until the iteration's end
    parts.clear();
    std::vector<MicroBatch> batches;
    const Cost referring = cost_of([&] { batches = make_batches(std::move(drawn)); });
    add_phase("reference", referring, referring.flops * double(batches.size()));
    update(batches);
  }
  other_graphs_.reset();
  plan_.evaluation_micro_batch =
      options.evaluation_micro_batch < 0 ? policy_.usual_batch() : options.evaluation_micro_batch;
  if (plan_.evaluation_micro_batch > 0) evaluate(options);
  return plan_;
}

}  // namespace

Plan make_plan(const TrainConfig& config, const std::vector<text::Prompt>& prompts,
               const PlanOptions& options) {
  const nn::MetaStandsFor device{at::Device(config.device)};
  return Rehearsal(config, prompts, options).run(options);
}

}  // namespace gamut::train
