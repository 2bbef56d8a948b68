// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/clip/clip_image_processor.h"

#include "gamut/core/error.h"
#include "gamut/models/json_config.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace gamut::models {
namespace {

using at::Tensor;
using nlohmann::json;

constexpr int64_t kBicubic = 3;  // PIL's number

int64_t edge(const json& object, const char* key) {
  const auto found = object.find(key);
  const bool fits = found != object.end() && found->is_number_integer() && found->get<int64_t>() >= 1 &&
                    found->get<int64_t>() <= 65536;
  return fits ? found->get<int64_t>() : 0;
}

// A number is the shortest edge, as in OpenAI's own files.
void read_size(JsonConfig& reader, const json& object, ClipImageProcessorConfig& config) {
  if (!reader.has("size")) return;
  const json& size = object.at("size");
  config.shortest_edge = size.is_object() ? edge(size, "shortest_edge") : edge(object, "size");
  if (config.shortest_edge == 0 && size.is_object()) {
    config.height = edge(size, "height");
    config.width = edge(size, "width");
  }
  const bool limited =
      size.is_object() && size.contains("longest_edge") && !size.at("longest_edge").is_null();
  if (limited || (config.shortest_edge == 0 && (config.height == 0 || config.width == 0)))
    reader.fail("size", "{\"shortest_edge\": n} or {\"height\": n, \"width\": n}, in pixels");
}

void read_crop(JsonConfig& reader, const json& object, ClipImageProcessorConfig& config) {
  if (!reader.has("crop_size")) return;
  const json& size = object.at("crop_size");
  config.crop_height = size.is_object() ? edge(size, "height") : edge(object, "crop_size");
  config.crop_width = size.is_object() ? edge(size, "width") : config.crop_height;
  if (config.crop_height == 0 || config.crop_width == 0)
    reader.fail("crop_size", "{\"height\": n, \"width\": n}, in pixels");
}

std::array<double, 3> channels(JsonConfig& reader, const json& object, const char* key,
                               const std::array<double, 3>& otherwise, double above) {
  if (!reader.has(key)) return otherwise;
  const json& list = object.at(key);
  const auto fits = [&](const json& item) { return item.is_number() && item.get<double>() > above; };
  if (!list.is_array() || list.size() != 3 || !std::ranges::all_of(list, fits))
    reader.fail(key, above == 0 ? "three positive numbers" : "three numbers");
  return {list[0].get<double>(), list[1].get<double>(), list[2].get<double>()};
}

// A crop beyond the resized picture would need a border.
void expect_room_for_crop(JsonConfig& reader, const ClipImageProcessorConfig& config) {
  if (!config.do_resize || !config.do_center_crop) return;
  const int64_t height = config.shortest_edge > 0 ? config.shortest_edge : config.height;
  const int64_t width = config.shortest_edge > 0 ? config.shortest_edge : config.width;
  if (config.crop_height > height || config.crop_width > width)
    reader.fail("crop_size", cat("at most the resized picture, ", height, "x", width));
}

Tensor column(const std::array<double, 3>& values, const Tensor& like) {
  return at::tensor(at::ArrayRef<double>(values), like.options()).view({1, 3, 1, 1});
}

}  // namespace

ClipImageProcessorConfig parse_clip_image_processor(const json& object, const std::string& file) {
  JsonConfig reader(object, file);
  ClipImageProcessorConfig config;
  config.do_resize = reader.boolean("do_resize", true);
  config.do_center_crop = reader.boolean("do_center_crop", true);
  config.do_rescale = reader.boolean("do_rescale", true);
  config.do_normalize = reader.boolean("do_normalize", true);
  read_size(reader, object, config);
  read_crop(reader, object, config);
  if (config.do_resize && reader.integer("resample", kBicubic) != kBicubic)
    reader.fail("resample", "3, bicubic");
  if (std::abs(reader.number("rescale_factor", 1.0 / 255) * 255 - 1) > 1e-6)
    reader.fail("rescale_factor", "1/255");
  const double lowest = -std::numeric_limits<double>::infinity();
  config.mean = channels(reader, object, "image_mean", config.mean, lowest);
  config.std = channels(reader, object, "image_std", config.std, 0);
  expect_room_for_crop(reader, config);
  // Keys about the kind of input (do_convert_rgb, image_processor_type, …) change nothing here.
  return config;
}

Tensor ClipImageProcessor::resize(const Tensor& bytes) const {
  int64_t height = config_.height, width = config_.width;
  if (config_.shortest_edge > 0) {
    const int64_t shortest = std::min(bytes.size(2), bytes.size(3));
    height = config_.shortest_edge * bytes.size(2) / shortest;
    width = config_.shortest_edge * bytes.size(3) / shortest;
  }
  if (height == bytes.size(2) && width == bytes.size(3)) return bytes;
  // Bytes in, bytes out: this is the kernel behind torchvision's resize. There is none for CUDA.
  const Tensor local = bytes.to(at::kCPU);
  const Tensor resized = config_.bilinear
                             ? at::_upsample_bilinear2d_aa(local, {height, width}, /*align_corners=*/false)
                             : at::_upsample_bicubic2d_aa(local, {height, width}, /*align_corners=*/false);
  return resized.to(bytes.device());
}

Tensor ClipImageProcessor::crop(const Tensor& bytes) const {
  const int64_t height = bytes.size(2), width = bytes.size(3);
  if (config_.crop_height > height || config_.crop_width > width)
    throw ConfigError(
        "clip", cat("a picture of ", height, "x", width, " is smaller than the crop of ", config_.crop_height,
                    "x", config_.crop_width, "; set do_resize in preprocessor_config.json"));
  return bytes.narrow(2, (height - config_.crop_height) / 2, config_.crop_height)
      .narrow(3, (width - config_.crop_width) / 2, config_.crop_width);
}

Tensor ClipImageProcessor::operator()(const Tensor& pictures) const {
  GAMUT_CHECK(pictures.dim() == 4 && pictures.size(1) == 3, "pictures are [B, 3, H, W]; got ",
              pictures.sizes());
  const at::NoGradGuard no_grad;
  Tensor bytes = pictures.to(at::kFloat).clamp(0, 1).mul(255).round_().to(at::kByte);
  if (config_.do_resize) bytes = resize(bytes);
  if (config_.do_center_crop) bytes = crop(bytes);
  const Tensor pixels = bytes.to(at::kFloat);
  const double scale = config_.do_rescale ? 255 : 1;
  if (!config_.do_normalize) return pixels.div(scale);
  return pixels.sub(column(config_.mean, pixels), scale).div(column(config_.std, pixels).mul(scale));
}

}  // namespace gamut::models
