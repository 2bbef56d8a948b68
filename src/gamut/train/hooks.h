// SPDX-License-Identifier: Apache-2.0
// Where the trainer lets others in: these pieces of its work pass through calls that by default just do them.
// The dry run behind `gamut plan` (plan.h) measures here, lets one micro-batch stand for all, and gives what
// tensors without data cannot say. A run that trains has no hooks, and none may change what it computes.
#pragma once

#include "gamut/train/crediting.h"
#include "gamut/train/update.h"

#include <functional>
#include <vector>

namespace gamut::train {

// Stretches of the trainer's work; all but the last are of its construction.
enum class Span { kAdapter, kOptimizer, kAverage, kPrompts, kPolicies, kOthers };

class Hooks {
 public:
  virtual ~Hooks() = default;
  static Hooks& none();

  // false: tensors hold no values, so that nothing is drawn, stored or compared for their sake.
  virtual bool has_data() const { return true; }
  virtual void begin(Span) {}
  virtual void end(Span) {}
  // The iteration that comes, before anything is drawn.
  virtual void expect(const UpdateInputs&) {}
  // One more micro-batch, beside those drawn `before`.
  virtual Rollout draw(const std::vector<Rollout>& before, const std::vector<SampleRow>& rows,
                       const std::function<Rollout()>& roll_out);
  virtual RowCredit credit(const Drawn& drawn, const std::function<RowCredit()>& assign);
  // What other policies say of the last of these micro-batches.
  virtual void ask_others(std::vector<MicroBatch>& batches, const std::function<void()>& ask);
  // Trains on every item of a micro-batch.
  virtual void train(MicroBatch& batch, const UpdateInputs& inputs,
                     const std::function<void(const algorithms::TrainItem&)>& on_item);
  // A number of the device; `without` is for tensors that hold none.
  virtual double value(const at::Tensor& scalar, double without) const;
};

// A span while it lives.
class InSpan {
 public:
  InSpan(Hooks& hooks, Span span) : hooks_(hooks), span_(span) { hooks_.begin(span_); }
  ~InSpan() { hooks_.end(span_); }
  InSpan(const InSpan&) = delete;
  InSpan& operator=(const InSpan&) = delete;

 private:
  Hooks& hooks_;
  Span span_;
};

}  // namespace gamut::train
