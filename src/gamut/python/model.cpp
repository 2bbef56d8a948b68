// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/eval/sampling.h"
#include "gamut/io/image.h"
#include "gamut/nn/device.h"
#include "gamut/nn/images.h"
#include "gamut/python/parts.h"
#include "gamut/run/lora_argument.h"
#include "gamut/run/model_argument.h"
#include "gamut/run/sample_schedule.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace gamut::python {
namespace {

// A model folder, run or Hub name, opened once.
class Model {
 public:
  Model(const std::string& name, const std::vector<std::string>& loras, const std::string& device,
        const std::string& dtype, const std::string& variant)
      : pipe_(open(name, loras, device, dtype, variant)) {}

  struct Asked {
    std::vector<std::string> prompts;
    int64_t n = 8, seed = 0, batch = 64, height = 0, width = 0;
    double guidance = 1;
    std::string negative;
    run::SampleSchedule schedule;
  };

  // [prompts n, 3, H, W] in [0, 1] fp32, prompt-major; what `gamut sample` draws.
  at::Tensor sample(const Asked& asked) {
    check(asked);
    const py::gil_scoped_release unlocked;
    pipe_.set_picture_size(asked.height, asked.width);
    const eval::SamplingOptions options{.schedule = run::sample_schedule(pipe_, asked.schedule),
                                        .noise = {.seed = uint64_t(asked.seed), .purpose = "sample"},
                                        .members = asked.n,
                                        .micro_batch = asked.batch,
                                        .guidance = {.scale = asked.guidance}};
    const eval::EncodedPrompts prompts = eval::encode_prompts(pipe_, asked.prompts, asked.negative);
    const at::Tensor start = eval::sampling_noise(pipe_, int64_t(asked.prompts.size()), options);
    const at::Tensor latents = eval::sample_latents(pipe_, prompts, start, options);
    return pipe_.decode(latents.to(pipe_.options().device));
  }

 private:
  // The command line's rules, which its flags check by themselves.
  static void check(const Asked& asked) {
    if (asked.prompts.empty()) throw ConfigError("usage", "sample needs at least one prompt");
    check("n", asked.n, run::kSamplePictures);
    check("steps", asked.schedule.steps, run::kSampleSteps);
    check("batch", asked.batch, run::kSampleBatch);
    check("seed", asked.seed, {0, std::numeric_limits<int64_t>::max()});
    if (asked.height != 0) check("height", asked.height, run::kSampleSide);
    if (asked.width != 0) check("width", asked.width, run::kSampleSide);
    if (!(asked.guidance >= 0 && asked.guidance <= run::kMostGuidance))
      throw ConfigError("usage", cat("sample's guidance must be a number from 0 to ", run::kMostGuidance,
                                     "; got ", asked.guidance));
  }
  static void check(const char* name, int64_t value, run::SampleRange range) {
    if (value < range.low || value > range.high)
      throw ConfigError("usage", cat("sample's ", name, " must be a whole number from ", range.low, " to ",
                                     range.high, "; got ", value));
  }

  static models::Pipeline open(const std::string& name, const std::vector<std::string>& loras,
                               const std::string& device, const std::string& dtype,
                               const std::string& variant) {
    check_fork(device);
    const py::gil_scoped_release unlocked;
    const run::TunedModel tuned = run::find_tuned(name);
    models::Pipeline pipe = models::Pipeline::open(tuned.folder, nn::open_device(device, dtype), variant);
    tuned.apply(pipe);
    run::add_loras(pipe, loras);
    return pipe;
  }

  models::Pipeline pipe_;
};

at::Tensor sample(Model& model, std::vector<std::string> prompts, int64_t n, int64_t steps,
                  const std::string& sampler, int64_t seed, double guidance, const std::string& negative,
                  int64_t height, int64_t width, int64_t batch) {
  run::SampleSchedule schedule;
  schedule.steps = steps;
  schedule.sampler = sampler;
  return model.sample({.prompts = std::move(prompts),
                       .n = n,
                       .seed = seed,
                       .batch = batch,
                       .height = height,
                       .width = width,
                       .guidance = guidance,
                       .negative = negative,
                       .schedule = schedule});
}

// Pictures [n, 3, H, W] in [0, 1] of any type and device, row by row, as `gamut sample --out` lays them.
void save_sheet(const at::Tensor& pictures, const std::filesystem::path& path, int64_t columns) {
  if (pictures.dim() != 4 || pictures.size(1) != 3 || pictures.numel() == 0 || columns < 1)
    throw DataError("sheet", cat("pictures must be [n, 3, H, W] in [0, 1] and columns 1 or more; got ",
                                 pictures.sizes(), " in ", columns, " columns"));
  const py::gil_scoped_release unlocked;
  const std::vector<io::Image> images = nn::tensor_to_images(pictures.detach().to(at::kCPU, at::kFloat));
  io::SheetBlock block;
  for (size_t first = 0; first < images.size(); first += size_t(columns))
    block.rows.emplace_back(images.begin() + int64_t(first),
                            images.begin() + int64_t(std::min(images.size(), first + size_t(columns))));
  io::save_png(path, io::contact_sheet({block}));
}

}  // namespace

void add_model(py::module_& module) {
  py::class_<Model, std::shared_ptr<Model>>(module, "Model")
      .def(py::init<const std::string&, const std::vector<std::string>&, const std::string&,
                    const std::string&, const std::string&>(),
           py::arg("path"), py::arg("lora"), py::arg("device"), py::arg("dtype"), py::arg("variant"))
      .def("sample", &sample, py::arg("prompts"), py::arg("n"), py::arg("steps"), py::arg("sampler"),
           py::arg("seed"), py::arg("guidance"), py::arg("negative"), py::arg("height"), py::arg("width"),
           py::arg("batch"));
  module.def("save_sheet", &save_sheet, py::arg("pictures"), py::arg("path"), py::arg("columns"));
}

}  // namespace gamut::python
