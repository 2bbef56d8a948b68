// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/ocr.h"

#include "gamut/core/error.h"
#include "gamut/rewards/ocr_preparation.h"
#include "gamut/rewards/pictures.h"
#include "gamut/rewards/tesseract_engine.h"
#include "gamut/rewards/text_match.h"

#include <ATen/Parallel.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>

namespace gamut::rewards {
namespace {

class OcrReward : public Reward {
 public:
  explicit OcrReward(OcrOptions options) : options_(std::move(options)) {
    options_.tessdata = find_tessdata(options_.tessdata);
    engine(0);  // a broken installation shows now, not after the first rollout
  }

  std::string name() const override { return "ocr"; }
  bool reads_text() const override { return true; }

  std::string lacks(const text::Prompt& prompt) const override {
    return fold_text(prompt.target).empty() ? "prompt without a target" : "";
  }

  Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    Scores scores = start_scores(pictures, prompts);
    const at::Tensor planes = pictures.detach().to(at::kCPU, at::kFloat).contiguous();
    const auto score_one = [&](int64_t i, TesseractEngine& reader) {
      const PlanarPicture picture{planes.size(3), planes.size(2), plane_values(planes, i)};
      const Reading reading = reader.read(prepare_for_ocr(picture, options_.preparation));
      const std::string& target = prompts[size_t(i)].target;
      scores.value[size_t(i)] = options_.form == OcrForm::kDistance ? ocr_reward(reading.text, target)
                                                                    : confidence_in(reading, target);
      scores.exact[size_t(i)] = reads_exactly(reading.text, target);
    };
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < planes.size(0); ++i) {
      std::string why = lacks(prompts[size_t(i)]);
      if (scores.failure[size_t(i)].empty() && !why.empty()) fail(scores, i, std::move(why));
      if (scores.failure[size_t(i)].empty()) rows.push_back(i);
    }
    for_each_row(rows, score_one);
    return scores;
  }

 private:
  TesseractEngine& engine(size_t worker) {
    if (engines_.size() <= worker) engines_.resize(worker + 1);
    if (!engines_[worker]) engines_[worker] = std::make_unique<TesseractEngine>(options_);
    return *engines_[worker];
  }

  // Tesseract's own layers ask for four OpenMP threads each, which makes a small picture several times
  // slower. Inside an active parallel region they run alone; a team of one would not be active, hence at
  // least two members, of which only `workers` work. at::parallel_for opens no region at all for one row or
  // one thread.
  template <class ScoreOne>
  void for_each_row(const std::vector<int64_t>& rows, const ScoreOne& score_one) {
    const int workers = std::min(at::get_num_threads(), std::max(1, int(rows.size())));
    for (int w = 0; w < workers; ++w) engine(size_t(w));
    std::atomic<size_t> next = 0;
    std::vector<std::exception_ptr> errors(static_cast<size_t>(workers));
#pragma omp parallel num_threads(std::max(2, workers))
    {
      const size_t worker = size_t(omp_get_thread_num());
      if (worker < errors.size()) {
        try {
          for (size_t i = next++; i < rows.size(); i = next++) score_one(rows[i], *engines_[worker]);
        } catch (...) {
          errors[worker] = std::current_exception();
        }
      }
    }
    for (const std::exception_ptr& error : errors)
      if (error) std::rethrow_exception(error);
  }

  OcrOptions options_;
  std::vector<std::unique_ptr<TesseractEngine>> engines_;  // one per worker
};

}  // namespace

bool ocr_is_built() { return true; }

std::unique_ptr<Reward> make_ocr_reward(const OcrOptions& options) {
  return std::make_unique<OcrReward>(options);
}

}  // namespace gamut::rewards
