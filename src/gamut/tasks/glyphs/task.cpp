// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/task.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/nn/images.h"
#include "gamut/tasks/glyphs/color_measures.h"
#include "gamut/tasks/glyphs/face_classifier.h"
#include "gamut/tasks/glyphs/form_measures.h"
#include "gamut/tasks/glyphs/glyphs.h"
#include "gamut/tasks/glyphs/palette.h"
#include "gamut/tasks/glyphs/reader_reward.h"

namespace gamut::glyphs {
namespace {

std::unique_ptr<rewards::Reward> make_reader(const rewards::RewardConfig& config,
                                             const std::string& policy_device) {
  const std::string& model = rewards::required(config.model, "reader", "model", "folder of a reader");
  return make_reader_reward(model, rewards::open_compute(config.compute, policy_device));
}

}  // namespace

tasks::Task register_task() {
  rewards::add_reward_kind({"reader", make_reader});
  eval::add_measures(color_measures());
  eval::add_measures(form_measures());
  eval::set_classifier(open_face_classifier);
  return {.name = "glyphs",
          .data_name = "real glyphs",
          .fits = asks_for_glyphs,
          .draw_data = draw_data,
          .palette_of = palette_of,
          .data_palette = data_palette};
}

at::Tensor draw_data(const std::vector<text::Prompt>& prompts, int64_t members, uint64_t seed) {
  GlyphRenderer renderer;
  std::vector<io::Image> images;
  for (size_t p = 0; p < prompts.size(); ++p) {
    const size_t character = glyph_characters().find(prompts[p].target);
    if (prompts[p].target.size() != 1 || character == std::string::npos)
      throw DataError("eval", cat("real glyphs need a one-character target; got \"", prompts[p].target,
                                  "\" for prompt \"", prompts[p].text, "\""));
    for (int64_t m = 0; m < members; ++m) {
      Stream stream(seed, "eval.data", {int64_t(p), m});
      GlyphSpec spec = renderer.draw(stream);
      spec.character = int64_t(character);
      images.push_back(renderer.render(spec));
    }
  }
  return nn::images_to_tensor(images);
}

}  // namespace gamut::glyphs
