// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/train_hints.h"

#include "gamut/core/error.h"
#include "gamut/core/program.h"

namespace gamut::cli {
namespace {

// The flags of `gamut sample` that draw as the recipe's evaluation does.
std::string sampling_flags(const run::TrainRecipe& recipe) {
  std::string text;
  if (recipe.eval.guidance_scale != 1) text += cat(" --guidance ", recipe.eval.guidance_scale);
  if (recipe.train.device != "cpu") text += cat(" --device ", recipe.train.device);
  if (recipe.train.dtype != "fp32") text += cat(" --dtype ", recipe.train.dtype);
  if (recipe.train.rollout.max_tokens > 0) text += cat(" --max-tokens ", recipe.train.rollout.max_tokens);
  if (recipe.train.rollout.height > 0) text += cat(" --height ", recipe.train.rollout.height);
  if (recipe.train.rollout.width > 0) text += cat(" --width ", recipe.train.rollout.width);
  return text;
}

}  // namespace

std::vector<std::string> watch_lines(const std::filesystem::path& run, const std::string& serve_command) {
  const std::string folder = shell_word(run.string());
  std::vector<std::string> lines{cat("watch  tensorboard --logdir ", folder)};
  if (serve_command.empty()) return lines;
  lines.push_back(cat("       ", program_name(), " report ", folder, " --follow -o ",
                      shell_word((run / "report.html").string())));
  lines.push_back(cat("       a new run with a live page: ", serve_command));
  return lines;
}

std::vector<std::string> next_lines(const std::filesystem::path& run, const run::TrainRecipe& recipe,
                                    const std::string& prompt) {
  const std::string folder = shell_word(run.string()), program = program_name();
  auto file = [&](const char* name) { return shell_word((run / name).string()); };
  std::vector<std::string> lines{
      cat("next   ", program, " sample --model ", folder, " --prompt ", shell_word(prompt), " -n 8",
          sampling_flags(recipe), " --out ", file("sample.png")),
      cat("       ", program, " eval ", folder),
      cat("       ", program, " report ", folder, " -o ", file("report.html"))};
  if (recipe.train.lora.is_on())
    lines.push_back(cat("       for ComfyUI: ", program, " convert lora ", file("model"), " ",
                        file("kohya.safetensors"), " --to kohya"));
  return lines;
}

}  // namespace gamut::cli
