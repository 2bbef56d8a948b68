// SPDX-License-Identifier: Apache-2.0
// The transformer of a Stable Diffusion 3 or FLUX folder by itself: seconds of a forward pass, of one with
// its way back to an adapter, and of an iteration. bench/compare_diffusers.py runs it and diffusers in turn.
//
//   build/bench_transformer FOLDER --size 512 --batch 4 --tokens 205 --dtype bf16 --device cuda
//
// An iteration: `batch` pictures drawn in `steps` steps, then as many steps trained, in one batch each.
// Prints one line of JSON, a list of seconds per part.
#include "gamut/io/files.h"
#include "gamut/models/flux/flux_transformer.h"
#include "gamut/models/mmdit/sd3_transformer.h"
#include "gamut/nn/device.h"
#include "gamut/nn/lora.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <iostream>

namespace {

using namespace gamut;
using at::Tensor;
namespace fs = std::filesystem;

struct BenchOptions {
  std::string folder, dtype = "bf16", device = "cpu";
  int64_t size = 512, batch = 4, tokens = 205, rank = 32, steps = 10, runs = 3;
};

// What flow_grpo adapts.
std::vector<std::string> targets_of(bool flux) {
  std::vector<std::string> targets{"attn.add_k_proj", "attn.add_q_proj", "attn.add_v_proj", "attn.to_add_out",
                                   "attn.to_k",       "attn.to_out.0",   "attn.to_q",       "attn.to_v"};
  if (flux)
    targets.insert(targets.end(), {"ff.net.0.proj", "ff.net.2", "ff_context.net.0.proj", "ff_context.net.2"});
  return targets;
}

nn::TensorMap read_weights(const fs::path& folder) {
  const fs::path file = folder / "diffusion_pytorch_model.safetensors", index = file.string() + ".index.json";
  return nn::map_safetensors(fs::exists(index) ? index : file);
}

// Either network with inputs of the asked size.
class Subject {
 public:
  explicit Subject(const BenchOptions& asked)
      : options_(asked), params_(nn::params_for(nn::open_device(asked.device), asked.dtype)) {
    const fs::path folder = fs::path(asked.folder) / "transformer";
    const nlohmann::json config = io::read_json(folder / "config.json");
    const bool flux = config.at("_class_name") == "FluxTransformer2DModel";
    store_ = nn::ParamStore::from_tensors(read_weights(folder), "transformer", params_);
    flux ? open_flux(models::parse_flux_config(config, "config.json"))
         : open_sd3(models::parse_sd3_config(config, "config.json"));
    store_.finish();
    store_.require_grad(false);
    nn::LoraConfig lora;
    lora.rank = asked.rank;
    lora.targets = targets_of(flux);
    adapter_ = nn::attach_lora(store_, lora, 1);
    adapter_.require_grad(true);
  }
  Tensor operator()(const Tensor& x) const { return run_(x); }
  Tensor start() const { return randn({options_.batch, 16, options_.size / 8, options_.size / 8}); }
  void forget_gradients() const {
    for (const nn::NamedTensor& param : adapter_.params()) param.tensor.mutable_grad().reset();
  }

 private:
  Tensor randn(at::IntArrayRef shape) const {
    return at::randn(shape, at::TensorOptions(params_.device).dtype(params_.dtype));
  }
  void open_sd3(const models::Sd3Config& config) {
    const auto net = std::make_shared<models::Sd3Transformer>(config, nn::Scope(store_));
    const models::Sd3Prompt prompt{.hidden = randn({options_.batch, options_.tokens, config.text_width}),
                                   .pooled = randn({options_.batch, config.pooled_width})};
    const Tensor time = at::full({options_.batch}, 500.0, at::TensorOptions(params_.device));
    run_ = [=](const Tensor& x) { return (*net)(x, time, prompt); };
  }
  void open_flux(const models::FluxConfig& config) {
    const auto net = std::make_shared<models::FluxTransformer>(config, nn::Scope(store_));
    const at::TensorOptions fp32(params_.device);
    const models::FluxPrompt prompt{
        .hidden = randn({options_.batch, options_.tokens, config.text_width}),
        .pooled = randn({options_.batch, config.pooled_width}),
        .guidance = config.guidance ? at::full({options_.batch}, 3.5, fp32) : Tensor()};
    const Tensor sigma = at::full({options_.batch}, 0.5, fp32);
    run_ = [=](const Tensor& x) { return (*net)(x, sigma, prompt); };
  }

  BenchOptions options_;
  nn::ParamOptions params_;
  nn::ParamStore store_, adapter_;
  std::function<Tensor(const Tensor&)> run_;
};

void forward(const Subject& net, const BenchOptions&) {
  const at::NoGradGuard off;
  net(net.start()).sum().item<float>();  // waits for the device
}

void forward_backward(const Subject& net, const BenchOptions&) {
  const Tensor loss = net(net.start()).to(at::kFloat).square().mean();
  loss.backward();
  loss.item<float>();
  net.forget_gradients();
}

void iteration(const Subject& net, const BenchOptions& options) {
  std::vector<Tensor> drawn{net.start()};
  {
    const at::NoGradGuard off;
    for (int64_t i = 0; i < options.steps; ++i)
      drawn.push_back(drawn.back() - net(drawn.back()) / double(options.steps));
  }
  for (int64_t i = 0; i < options.steps; ++i) {
    const Tensor change = net(drawn[size_t(i)]).to(at::kFloat);
    (change.square().mean() / double(options.steps)).backward();
  }
  drawn.back().sum().item<float>();
  net.forget_gradients();
}

std::vector<double> seconds_of(const std::function<void()>& run, int64_t runs) {
  std::vector<double> seconds;
  run();  // warms up
  for (int64_t i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return seconds;
}

void measure(const BenchOptions& options) {
  const Subject net(options);
  nlohmann::json result;
  using Part = void (*)(const Subject&, const BenchOptions&);
  const std::map<std::string, Part> parts{
      {"forward", forward}, {"forward_backward", forward_backward}, {"iteration", iteration}};
  for (const auto& [name, part] : parts)
    result[name] = seconds_of([&, run = part] { run(net, options); }, options.runs);
  std::cout << result.dump() << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  BenchOptions options;
  CLI::App app("times a transformer");
  app.add_option("folder", options.folder, "a pipeline's folder")->required();
  app.add_option("--dtype", options.dtype, "fp32, bf16 or fp16");
  app.add_option("--device", options.device, "cpu or cuda");
  app.add_option("--size", options.size, "pixels of a side");
  app.add_option("--batch", options.batch, "pictures");
  app.add_option("--tokens", options.tokens, "of text");
  app.add_option("--rank", options.rank, "of the adapter");
  app.add_option("--steps", options.steps, "of an iteration");
  app.add_option("--runs", options.runs, "of each part, after one that warms up");
  CLI11_PARSE(app, argc, argv);
  try {
    measure(options);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
