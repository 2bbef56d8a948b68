// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/reader_reward.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/models/reader/reader_net.h"
#include "gamut/rewards/pictures.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace gamut::glyphs {
namespace {

using rewards::Scores;

class ReaderReward : public rewards::Reward {
 public:
  ReaderReward(const std::filesystem::path& folder, const rewards::Compute& compute)
      : reader_(models::Reader::open(folder, compute.where)),
        type_(compute.where.dtype),
        batch_(compute.batch) {}

  std::string name() const override { return "reader"; }
  bool reads_text() const override { return true; }

  std::string lacks(const text::Prompt& prompt) const override {
    if (reader_.config().class_of(prompt.target) >= 0) return "";
    if (prompt.target.empty()) return "prompt without a target";
    return cat("target '", printable(prompt.target, 80), "' is not one of the reader's characters");
  }

  Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    const int64_t size = reader_.config().image_size;
    if (pictures.dim() == 4 && (pictures.size(2) != size || pictures.size(3) != size))
      throw ConfigError("reader",
                        cat("the reader reads pictures of ", size, "x", size, "; got ", pictures.size(3), "x",
                            pictures.size(2), "; choose another reward for this model"));
    Scores scores = rewards::start_scores(pictures, prompts);
    const at::Tensor probabilities = read(pictures);
    const at::Tensor best = probabilities.argmax(1);
    for (size_t i = 0; i < prompts.size(); ++i) {
      if (!scores.failure[i].empty()) continue;
      if (std::string why = lacks(prompts[i]); !why.empty()) {
        rewards::fail(scores, int64_t(i), std::move(why));
        continue;
      }
      const int64_t target = reader_.config().class_of(prompts[i].target);
      scores.value[i] = probabilities[int64_t(i)][target].item<double>();
      scores.exact[i] = best[int64_t(i)].item<int64_t>() == target;
    }
    return scores;
  }

 private:
  // [B, classes] in double on the CPU. Kernels may sum in another order for another batch size, so the
  // network always sees the same number of pictures.
  at::Tensor read(const at::Tensor& pictures) {
    const at::NoGradGuard no_grad;
    const int64_t count = pictures.size(0);
    std::vector<at::Tensor> chunks = {at::empty({0, reader_.config().class_count()}, at::kDouble)};
    for (int64_t begin = 0; begin < count; begin += batch_) {
      const int64_t length = std::min(batch_, count - begin);
      at::Tensor chunk =
          pictures.narrow(0, begin, length).to(reader_.device(), at::kFloat).clamp(0, 1).to(type_);
      if (length < batch_) chunk = at::constant_pad_nd(chunk, {0, 0, 0, 0, 0, 0, 0, batch_ - length});
      const at::Tensor logits = reader_.net().logits(chunk).narrow(0, 0, length);
      chunks.push_back(logits.to(at::kCPU, at::kDouble).softmax(1));
    }
    return at::cat(chunks);
  }

  models::Reader reader_;
  at::ScalarType type_;
  int64_t batch_;
};

}  // namespace

std::unique_ptr<rewards::Reward> make_reader_reward(const std::filesystem::path& folder,
                                                    const rewards::Compute& compute) {
  return std::make_unique<ReaderReward>(folder, compute);
}

}  // namespace gamut::glyphs
