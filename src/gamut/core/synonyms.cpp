// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/synonyms.h"

#include <algorithm>
#include <cctype>

namespace gamut {
namespace {

// Words, and what they mean: keys of a fine-tuning recipe, keys of pretraining, flags; the first that is
// known counts.
struct Synonym {
  std::vector<std::string> words, names;
};

const std::vector<Synonym>& synonym_table() {
  static const std::vector<Synonym> kTable{
      {{"lr", "learning_rate", "max_lr", "base_lr", "step_size"}, {"optimizer.learning_rate"}},
      {{"batch_size", "train_batch_size", "per_device_train_batch_size", "mini_batch_size", "bs",
        "micro_batch_size", "micro_batch", "sample_batch_size"},
       {"rollout.micro_batch", "batch", "--batch"}},
      {{"eval_batch_size", "per_device_eval_batch_size", "test_batch_size"}, {"eval.micro_batch"}},
      {{"beta", "kl_beta", "kl_coef", "kl_coeff", "kl_weight", "kl_penalty", "init_kl_coef", "kl_ratio"},
       {"regularizer.weight"}},
      {{"guidance_scale", "cfg", "cfg_scale", "guidance", "classifier_free_guidance", "cfg_weight"},
       {"rollout.guidance_scale", "--guidance"}},
      {{"num_inference_steps", "num_steps", "sampling_steps", "sample_steps", "inference_steps", "ddim_steps",
        "denoising_steps"},
       {"sampler.steps", "--steps"}},
      {{"eval_num_steps", "eval_inference_steps"}, {"eval.steps"}},
      {{"num_generations", "num_image_per_prompt", "num_images_per_prompt", "num_generations_per_prompt",
        "group", "num_samples", "num_images"},
       {"rollout.group_size", "-n"}},
      {{"epochs", "num_epochs", "num_train_epochs", "max_steps", "max_train_steps", "total_steps",
        "train_steps", "num_iterations"},
       {"iterations", "steps"}},
      {{"gradient_accumulation_steps", "num_inner_epochs", "num_mini_batches", "num_updates"},
       {"rollout.updates"}},
      {{"num_prompts", "prompts_per_batch", "num_batches_per_epoch", "num_unique_prompts"},
       {"rollout.prompts_per_iteration"}},
      {{"clip_range", "cliprange", "clip_epsilon", "clip_eps", "ppo_clip", "epsilon"}, {"loss.clip_range"}},
      {{"adv_clip_max", "adv_clip", "advantage_clip", "clip_advantages"}, {"advantage.clip"}},
      {{"adam_beta1", "beta1", "betas"}, {"optimizer.beta1"}},
      {{"adam_beta2", "beta2"}, {"optimizer.beta2"}},
      {{"adam_epsilon", "adam_eps", "eps"}, {"optimizer.eps"}},
      {{"weight_decay", "adam_weight_decay", "wd"}, {"optimizer.weight_decay"}},
      {{"max_grad_norm", "grad_clip", "gradient_clip", "clip_grad_norm", "gradient_clip_val",
        "grad_norm_clip"},
       {"optimizer.max_grad_norm"}},
      {{"lora_rank", "lora_r", "rank", "r", "network_dim"}, {"lora.rank"}},
      {{"lora_alpha", "network_alpha", "alpha"}, {"lora.alpha"}},
      {{"target_modules", "lora_target_modules", "lora_layers"}, {"lora.targets"}},
      {{"use_lora"}, {"lora.rank", "--lora"}},
      {{"lora_path", "adapter", "adapters", "lora_weights", "lora_scale"}, {"--lora"}},
      {{"pretrained_model_name_or_path", "pretrained_model", "model_name", "model_name_or_path", "base_model",
        "model_path", "model_id", "ckpt"},
       {"model", "--model", "output"}},
      {{"reward_fn", "reward_model", "reward_function", "scorer", "reward_type"}, {"reward.kind"}},
      {{"eta", "ddim_eta"}, {"sampler.eta", "--eta"}},
      {{"noise_level", "noise_scale", "sde_noise", "sigma_noise"}, {"sampler.noise_level", "--noise-level"}},
      {{"scheduler", "sampler", "sampler_name", "scheduler_type", "noise_scheduler"},
       {"sampler.kind", "--sampler"}},
      {{"timestep_shift", "flow_shift", "time_shift"}, {"sampler.shift", "--shift"}},
      {{"timestep_fraction", "train_timestep_fraction"}, {"schedule.fraction"}},
      {{"warmup_steps", "lr_warmup_steps", "num_warmup_steps", "warmup"}, {"lr_schedule.warmup", "warmup"}},
      {{"lr_scheduler", "lr_scheduler_type", "lr_schedule"}, {"lr_schedule.kind"}},
      {{"ema_decay", "ema_rate", "use_ema"}, {"ema.decay"}},
      {{"save_steps", "save_freq", "save_interval", "checkpointing_steps", "save_every"},
       {"checkpoint.every"}},
      {{"save_total_limit", "checkpoints_total_limit", "num_checkpoint_limit", "max_checkpoints"},
       {"checkpoint.keep"}},
      {{"eval_steps", "eval_freq", "eval_interval", "validation_steps", "eval_every"}, {"eval.every"}},
      {{"precision", "torch_dtype", "weight_dtype", "fp16", "bf16", "half"}, {"dtype", "--dtype"}},
      {{"amp", "autocast", "mixed"}, {"mixed_precision"}},
      {{"activation_checkpointing", "grad_checkpointing", "recompute"}, {"gradient_checkpointing"}},
      {{"prompt_file", "prompts_file", "prompt_fn", "dataset", "train_data", "dataset_name", "data_path"},
       {"rollout.prompts", "--prompt"}},
      {{"prompts", "text", "caption"}, {"rollout.prompts", "--prompt"}},
      {{"negative_prompt", "uncond_prompt"}, {"--negative"}},
      {{"resolution", "image_size", "img_size", "size", "h"}, {"rollout.height", "--height"}},
      {{"w"}, {"rollout.width", "--width"}},
      {{"random_seed", "manual_seed", "generator"}, {"seed", "--seed"}},
      {{"gpu", "cuda", "accelerator"}, {"device", "--device"}},
      {{"output_dir", "logdir", "log_dir", "save_dir", "run_dir", "output", "output_path", "out_dir",
        "outdir"},
       {"--run", "--out", "--folder", "output"}},
      {{"resume_from_checkpoint", "resume_from", "continue"}, {"--resume"}},
      {{"config", "override", "overrides"}, {"--set"}},
      {{"port", "dashboard", "live"}, {"--serve"}},
  };
  return kTable;
}

// "--Guidance-Scale" and "train.guidance_scale" -> "guidance_scale"
std::string spelled(std::string_view word) {
  std::string text(
      word.substr(word.find_last_of('.') == std::string_view::npos ? 0 : word.find_last_of('.') + 1));
  text.erase(0, text.find_first_not_of('-'));
  for (char& c : text) c = c == '-' ? '_' : char(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

std::string meant_by(std::string_view word, const std::vector<std::string>& known) {
  const std::string asked = spelled(word);
  for (const Synonym& synonym : synonym_table()) {
    if (std::ranges::find(synonym.words, asked) == synonym.words.end()) continue;
    for (const std::string& name : synonym.names)
      if (name != word && std::ranges::find(known, name) != known.end()) return name;
  }
  return "";
}

}  // namespace gamut
