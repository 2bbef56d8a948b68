// SPDX-License-Identifier: Apache-2.0
// make_plan of plan.h: one iteration of the trainer on tensors without data, measured through its hooks.

#include "gamut/models/guidance.h"
#include "gamut/nn/device.h"
#include "gamut/nn/meta.h"
#include "gamut/train/dry_run_parts.h"
#include "gamut/train/ema.h"
#include "gamut/train/hooks.h"
#include "gamut/train/plan.h"
#include "gamut/train/policy.h"
#include "gamut/train/trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <optional>
#include <utility>

namespace gamut::train {
namespace {

int64_t count_of(const std::vector<nn::NamedTensor>& params) {
  int64_t count = 0;
  for (const nn::NamedTensor& param : params) count += param.tensor.numel();
  return count;
}

models::Pipeline open_without_data(const TrainConfig& config) {
  nn::ParamOptions options = policy_params(config, at::Device(config.device));
  options.device = at::kMeta;
  models::Pipeline policy = models::Pipeline::open(config.model, options);
  shape_inputs(config, policy);
  return policy;
}

// No network that looks at pictures is opened: the gate's rewards, which only make the reference's rows
// fewer, and the features of the credit.
TrainConfig without_judges(TrainConfig config) {
  if (config.slots.regularizer.kind == "gated_kl") config.slots.regularizer.kind = "kl_flow";
  config.slots.shaping.features = {};
  return config;
}

class DryRun final : public Hooks {
 public:
  DryRun(const TrainConfig& config, const std::vector<text::Prompt>& prompts, const PlanOptions& options);
  Plan run(const PlanOptions& options);

  bool has_data() const override { return false; }
  void begin(Span) override { span_.emplace(); }
  void end(Span span) override;
  void expect(const UpdateInputs& inputs) override;
  Rollout draw(const std::vector<Rollout>& before, const std::vector<SampleRow>& rows,
               const std::function<Rollout()>& roll_out) override;
  RowCredit credit(const Drawn& drawn, const std::function<RowCredit()>& assign) override;
  void ask_others(std::vector<MicroBatch>& batches, const std::function<void()>& ask) override;
  void train(MicroBatch& batch, const UpdateInputs& inputs,
             const std::function<void(const algorithms::TrainItem&)>& on_item) override;
  double value(const at::Tensor&, double without) const override { return without; }

 private:
  void count_model(models::Pipeline& policy);
  void encode_prompts();
  void drop_text_encoders();
  void evaluate(const std::vector<nn::NamedTensor>& average, const PlanOptions& options);
  void add_phase(const std::string& name, const Cost& cost, double flops);

  const int64_t elsewhere_ = nn::MetaMemory::live();  // not of this plan
  Plan plan_;
  AnyScore reward_;
  std::optional<Meter> span_;
  Cost actor_;                // of its construction, which encodes the empty prompt
  int64_t kept_batches_ = 0;  // micro-batches that train
  bool has_trained_ = false;  // on the one that stands for all
  at::Tensor other_graphs_;   // stands for those of all micro-batches but the first
  std::optional<Trainer> trainer_;
};

DryRun::DryRun(const TrainConfig& config, const std::vector<text::Prompt>& prompts,
               const PlanOptions& options) {
  plan_.on_cpu = at::Device(config.device).is_cpu();
  models::Pipeline policy = open_without_data(config);
  count_model(policy);
  trainer_.emplace(without_judges(config), std::move(policy), reward_, prompts, *this);
  plan_.batch = trainer_->plan();
  plan_.parameters.trained = count_of(trainer_->params());
  encode_prompts();
  if (may_drop_text_encoders(trainer_->policy(), int64_t(prompts.size()) + options.evaluated_prompts))
    drop_text_encoders();
}

void DryRun::count_model(models::Pipeline& policy) {
  for (const models::NamedStore& encoder : policy.text_encoders()) {
    plan_.parameters.text_encoder += encoder.store->num_elements();
    plan_.parameters.int8 += encoder.store->int8_elements();
    plan_.held.text_encoder += encoder.store->num_bytes();
  }
  plan_.parameters.denoiser = policy.denoiser_params().num_elements();
  plan_.parameters.vae = policy.coder_params().num_elements();
  plan_.parameters.int8 += policy.denoiser_params().int8_elements();
  plan_.held.denoiser = policy.denoiser_params().num_bytes();
  plan_.held.vae = policy.coder_params().num_bytes();
}

// Every prompt of the set, as the iterations draw them all in time.
void DryRun::encode_prompts() {
  Cost encoding = cost_of([&] { trainer_->encode_prompts(); });
  encoding.flops += actor_.flops;
  encoding.before -= actor_.kept();
  plan_.held.prompts = encoding.kept();
  add_phase("prompts", encoding, encoding.flops);
}

void DryRun::drop_text_encoders() {
  models::Pipeline& policy = trainer_->policy();
  plan_.drops_text_encoders = true;
  plan_.held.text_encoder = 0;
  plan_.held.prompts += cost_of([&] { policy.keep_encoded({""}); }).kept();
  policy.drop_text_encoders();
}

void DryRun::add_phase(const std::string& name, const Cost& cost, double flops) {
  plan_.phases.push_back(
      {.name = name, .flops = flops, .working = cost.working(), .peak = cost.peak - elsewhere_});
}

void DryRun::end(Span span) {
  const Cost cost = span_->read();
  span_.reset();
  switch (span) {
    case Span::kAdapter:
      plan_.held.adapter = cost.kept();
      break;
    case Span::kOptimizer:
      plan_.held.optimizer = cost.kept();
      break;
    case Span::kAverage:
      plan_.held.average = cost.kept();
      break;
    case Span::kPrompts:
      actor_ = cost;
      break;
    case Span::kPolicies:
      plan_.held.reference = cost.kept();
      break;
    case Span::kOthers:
      add_phase("reference", cost, cost.flops * double(kept_batches_));
      break;
  }
}

void DryRun::expect(const UpdateInputs& inputs) {
  plan_.steps = int64_t(inputs.steps.schedule.size());
  plan_.trained_steps = inputs.objective.items_per_picture(inputs.steps);
  plan_.trains_trajectory = inputs.objective.needs().trajectory;
  plan_.trained_images = plan_.batch.prompts * plan_.batch.keep;
}

// The first micro-batch is really drawn, the others are its twins.
Rollout DryRun::draw(const std::vector<Rollout>& before, const std::vector<SampleRow>& rows,
                     const std::function<Rollout()>& roll_out) {
  if (!before.empty()) return twin(before.front(), rows);
  Rollout first;
  Cost drawing = cost_of([&] { first = roll_out(); });
  Cost decoding = cost_of([&] { trainer_->policy().decode(first.trajectories.final_BCHW); });
  const int64_t graphs = first.trajectories.predictions.empty() ? 0 : graphs_of(roll_out());
  const int64_t count = plan_.batch.micro_batches;
  // Pictures of predicted clean latents, for shaping.
  const double decodings = 1 + double(first.trajectories.clean.size());
  plan_.pictures = int64_t(first.pictures.nbytes()) * count;
  plan_.graphs = graphs * count;
  plan_.trajectories = drawing.kept() * count - plan_.pictures - plan_.graphs;
  // The last micro-batch is drawn beside what the others left.
  const int64_t others = drawing.kept() * (count - 1);
  for (Cost* cost : {&drawing, &decoding}) {
    cost->before += others;
    cost->peak += others;
  }
  add_phase("rollout", drawing, (drawing.flops - decoding.flops) * double(count));
  add_phase("decode", decoding, decoding.flops * double(count) * decodings);
  other_graphs_ = at::empty({plan_.graphs - graphs}, at::TensorOptions(at::kMeta).dtype(at::kByte));
  return first;
}

// The first members of each group are kept, and all train.
RowCredit DryRun::credit(const Drawn& drawn, const std::function<RowCredit()>&) {
  RowCredit credit;
  for (const Rollout& rollout : drawn.batches)
    for (const SampleRow& row : rollout.rows) credit.kept.push_back(row.key.member < plan_.batch.keep);
  credit.trained.assign(credit.kept.size(), 1);
  credit.advantages.assign(credit.kept.size(), 0);
  return credit;
}

void DryRun::ask_others(std::vector<MicroBatch>& batches, const std::function<void()>& ask) {
  ++kept_batches_;
  if (batches.size() == 1) return ask();
  for (const auto& [item, said] : batches.front().others)
    batches.back().others[item] = {.old = twin(said.old), .reference = twin(said.reference)};
}

// One item of one micro-batch stands for all.
void DryRun::train(MicroBatch& batch, const UpdateInputs& inputs,
                   const std::function<void(const algorithms::TrainItem&)>& on_item) {
  if (std::exchange(has_trained_, true)) return;
  const std::vector<algorithms::TrainItem> items = inputs.objective.items(batch, inputs.steps);
  const auto step = [&] { on_item(items.front()); };
  std::map<int64_t, at::Tensor> graphs = std::exchange(batch.trajectories.predictions, {});
  // The first leaves the gradients behind, beside which all others run.
  plan_.held.gradients = cost_of(step).kept();
  at::Tensor output;
  plan_.activations = cost_of([&] { output = predict(batch, items.front()); }).kept();
  output.reset();
  batch.trajectories.predictions = std::move(graphs);
  const Cost cost = cost_of(step);
  add_phase("update", cost, cost.flops * double(kept_batches_ * plan_.trained_steps));
}

// The averaged weights borrowed, and one micro-batch of pictures beside nothing of an iteration.
void DryRun::evaluate(const std::vector<nn::NamedTensor>& average, const PlanOptions& options) {
  const at::NoGradGuard no_grad;
  models::Pipeline& policy = trainer_->policy();
  const Cost cost = cost_of([&] {
    const BorrowedWeights borrowed(trainer_->params(), average);
    std::vector<int64_t> shape = policy.latent_shape();
    shape.insert(shape.begin(), plan_.evaluation_micro_batch);
    const models::Conditioning empty = policy.encode({""}), prompts = empty.repeat(shape.front());
    const at::Tensor x = at::empty(shape, at::TensorOptions(at::kMeta).dtype(at::kFloat));
    policy.decode(
        models::predict_guided(policy, x, 0, prompts, empty, {.scale = options.evaluation_guidance}));
  });
  add_phase("evaluation", cost, cost.flops);
}

Plan DryRun::run(const PlanOptions& options) {
  const std::vector<nn::NamedTensor> average = trainer_->ema_weights();
  trainer_->iterate();
  other_graphs_.reset();
  plan_.evaluation_micro_batch =
      options.evaluation_micro_batch < 0 ? trainer_->policy().usual_batch() : options.evaluation_micro_batch;
  if (plan_.evaluation_micro_batch > 0) evaluate(average, options);
  return plan_;
}

}  // namespace

Plan make_plan(const TrainConfig& config, const std::vector<text::Prompt>& prompts,
               const PlanOptions& options) {
  const nn::MetaStandsFor device{at::Device(config.device)};
  return DryRun(config, prompts, options).run(options);
}

}  // namespace gamut::train
