// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/run/lora_argument.h"
#include "gamut/run/model_argument.h"
#include "gamut/core/error.h"
#include "gamut/core/input_files.h"
#include "gamut/core/log.h"

#include <ATen/ATen.h>
#include <CLI/CLI.hpp>

#include <filesystem>
#include <map>
#include <memory>

namespace gamut::cli {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, nn::LoraFormat> kFormats{{"diffusers", nn::LoraFormat::kDiffusers},
                                                     {"peft", nn::LoraFormat::kPeft},
                                                     {"kohya", nn::LoraFormat::kKohya}};
const std::map<std::string, at::ScalarType> kDtypes{
    {"fp32", at::kFloat}, {"bf16", at::kBFloat16}, {"fp16", at::kHalf}};

struct ConvertFlags {
  std::string in, out, to, dtype, model;
};

void cast(nn::LoraModule& module, const ConvertFlags& flags) {
  const at::ScalarType dtype = kDtypes.at(flags.dtype);
  if (flags.to == "diffusers" && module.alpha != double(module.rank())) {
    // Folded before the cast, so that it is rounded once.
    module.up = module.up.to(at::kFloat) * (module.alpha / double(module.rank()));
    module.alpha = double(module.rank());
  }
  module.down = module.down.to(dtype);
  module.up = module.up.to(dtype);
}

int convert_lora(const ConvertFlags& flags) {
  nn::LoraFile file = nn::load_lora(run::adapter_path(flags.in));
  if (!flags.dtype.empty())
    for (nn::LoraModule& module : file.modules) cast(module, flags);
  nn::save_lora(flags.out, file, kFormats.at(flags.to));
  log_info(cat("wrote ", file.modules.size(), " adapted layers to ", flags.out, " in ", flags.to, "'s form"));
  return 0;
}

int merge(const ConvertFlags& flags) {
  if (fs::exists(flags.out) && !fs::is_empty(flags.out))
    throw ConfigError("usage",
                      cat("the merged model needs a new folder; got '", flags.out, "', which is not empty"));
  const run::TunedModel model = run::find_tuned(flags.model);
  models::Pipeline pipe = models::Pipeline::open(model.folder, {});
  model.apply(pipe);
  run::add_loras(pipe, {flags.in});
  pipe.merge_loras();
  pipe.save(flags.out);
  log_info(cat("wrote the merged model to ", flags.out));
  return 0;
}

}  // namespace

void add_convert_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<ConvertFlags>();
  CLI::App* convert =
      program.add_subcommand("convert", "adapters from one form to another, or into a model's weights");
  convert->require_subcommand(1);

  CLI::App* lora = convert->add_subcommand("lora", "an adapter in another program's form");
  lora->add_option("in", flags->in, "file or folder, any form")->required();
  lora->add_option("out", flags->out, "file (.safetensors) or folder")->required();
  lora->add_option("--to", flags->to, "diffusers | peft | kohya")
      ->required()
      ->check(CLI::IsMember({"diffusers", "peft", "kohya"}));
  lora->add_option("--dtype", flags->dtype, "fp32 | bf16 | fp16 (default: as it is)")
      ->check(CLI::IsMember({"fp32", "bf16", "fp16"}));
  lora->callback([flags, &chosen] { chosen = [flags] { return convert_lora(*flags); }; });

  CLI::App* merged = convert->add_subcommand("merge", "a model folder with an adapter added to its weights");
  merged->add_option("model", flags->model, "model folder, diffusers layout")->required();
  merged->add_option("lora", flags->in, "adapter: FILE or FILE:scale")->required();
  merged->add_option("out", flags->out, "new model folder")->required();
  merged->callback([flags, &chosen] { chosen = [flags] { return merge(*flags); }; });
}

}  // namespace gamut::cli
