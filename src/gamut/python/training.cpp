// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/python/parts.h"
#include "gamut/rewards/pictures.h"
#include "gamut/run/train_run.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <memory>

namespace gamut::python {
namespace {

// A Python exception on its way through the library, which knows none.
class PythonFailure {
 public:
  void keep(py::error_already_set& error) {
    if (!first_) first_ = std::make_unique<py::error_already_set>(error);
  }
  void rethrow() {
    if (first_) throw *first_;
  }
  bool is_set() const { return first_ != nullptr; }

 private:
  std::unique_ptr<py::error_already_set> first_;
};

// "my_rewards.warmth", "__main__.<lambda>"
std::string name_of(const py::object& function) {
  const auto text = [&](const py::object& of, const char* attribute) {
    return py::hasattr(of, attribute) ? py::str(of.attr(attribute)).cast<std::string>() : std::string();
  };
  std::string name = text(function, "__qualname__");
  py::object home = function;
  if (name.empty()) {  // an object that can be called
    home = py::type::of(function);
    name = text(home, "__qualname__");
  }
  const std::string module = text(home, "__module__");
  return printable(module.empty() ? name : cat(module, ".", name));
}

// fn(pictures [B, 3, H, W] in [0, 1], prompts) -> one number per picture; None and NaN are failures.
class CallableReward : public rewards::Reward {
 public:
  CallableReward(py::object function, py::object make_prompts, PythonFailure& failure)
      : function_(std::move(function)),
        make_prompts_(std::move(make_prompts)),
        name_(name_of(function_)),
        failure_(failure) {}
  ~CallableReward() override {
    const py::gil_scoped_acquire locked;
    function_ = make_prompts_ = py::object();
  }
  std::string name() const override { return name_; }

  rewards::Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    rewards::Scores scores = rewards::start_scores(pictures, prompts);
    const py::gil_scoped_acquire locked;
    try {
      fill(scores, values(function_(pictures, make_prompts_(described(prompts))), prompts.size()));
    } catch (py::error_already_set& error) {
      failure_.keep(error);
      throw NumericalError("reward", cat("the reward '", name_, "' raised ", first_line(error.what())));
    }
    return scores;
  }

 private:
  static std::string first_line(const std::string& text) {
    return printable(text.substr(0, text.find('\n')));
  }

  // (text, target, attributes, metadata) of each, which Python makes into gamut.Prompt.
  static py::list described(std::span<const text::Prompt> prompts) {
    py::list list;
    for (const text::Prompt& prompt : prompts)
      list.append(py::make_tuple(prompt.text, prompt.target, prompt.attributes, prompt.metadata));
    return list;
  }

  std::vector<double> values(const py::object& result, size_t expected) const {
    std::vector<double> all;
    if (THPVariable_Check(result.ptr())) {
      const at::Tensor tensor = THPVariable_Unpack(result.ptr()).detach();
      const bool is_plain = tensor.layout() == at::kStrided && !tensor.is_meta() && !tensor.is_complex();
      if (tensor.dim() != 1 || size_t(tensor.size(0)) != expected || !is_plain)
        throw DataError("reward",
                        cat("the reward '", name_, "' must return one real number per picture; got a tensor ",
                            tensor.sizes(), " of ", tensor.scalar_type(), " on ", tensor.device(),
                            "; expected a dense [", expected, "]"));
      const at::Tensor plain = tensor.to(at::kCPU, at::kDouble).contiguous();
      all.assign(plain.data_ptr<double>(), plain.data_ptr<double>() + plain.numel());
      return all;
    }
    if (!py::isinstance<py::iterable>(result) || py::isinstance<py::str>(result) ||
        py::isinstance<py::dict>(result))
      throw DataError("reward", cat("the reward '", name_,
                                    "' must return a tensor or list of one number per picture; got ",
                                    printable(py::repr(py::type::of(result)).cast<std::string>())));
    for (const py::handle& value : result) all.push_back(value.is_none() ? std::nan("") : number(value));
    if (all.size() != expected)
      throw DataError("reward", cat("the reward '", name_, "' must return one number per picture; got ",
                                    all.size(), " for ", expected, " pictures"));
    return all;
  }

  double number(const py::handle& value) const {
    if (!PyNumber_Check(value.ptr()) || PyComplex_Check(value.ptr()))
      throw DataError("reward", cat("the reward '", name_, "' must return numbers or None; got ",
                                    printable(py::repr(value).cast<std::string>())));
    const double number = PyFloat_AsDouble(value.ptr());
    if (PyErr_Occurred() != nullptr) throw py::error_already_set();
    return number;
  }

  void fill(rewards::Scores& scores, const std::vector<double>& values) const {
    for (size_t i = 0; i < values.size(); ++i) {
      if (!scores.failure[i].empty()) continue;
      if (std::isnan(values[i]))
        scores.failure[i] = cat(name_, " returned none");
      else
        scores.value[i] = values[i];
    }
  }

  py::object function_, make_prompts_;
  std::string name_;
  PythonFailure& failure_;
};

struct TrainCall {
  std::filesystem::path recipe;
  py::dict set;
  py::object reward, judge, on_step, on_evaluation, make_prompts;
  std::filesystem::path folder;
  bool resume = false;
};

py::dict outcome_of(const run::TrainOutcome& done, const std::filesystem::path& folder) {
  using namespace py::literals;
  return py::dict("finished"_a = done.finished, "steps"_a = done.steps, "table"_a = done.table,
                  "path"_a = folder, "model"_a = done.model, "sheet"_a = done.sheet);
}

// Ctrl-C is asked for after every iteration: the run ends with a checkpoint, then KeyboardInterrupt goes on.
py::dict train(const TrainCall& call) {
  PythonFailure failure;
  const run::TrainRecipe recipe = run::load_train_recipe(call.recipe, as_sets("", call.set));
  check_fork(recipe.train.device);
  std::unique_ptr<CallableReward> reward, judge;
  if (!call.reward.is_none())
    reward = std::make_unique<CallableReward>(call.reward, call.make_prompts, failure);
  if (!call.judge.is_none()) judge = std::make_unique<CallableReward>(call.judge, call.make_prompts, failure);
  const auto observe = [&failure](const py::object& observer, const nlohmann::ordered_json& row) {
    const py::gil_scoped_acquire locked;
    try {
      if (!observer.is_none()) observer(row.dump());
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    } catch (py::error_already_set& error) {
      failure.keep(error);
    }
  };
  run::TrainOutcome done;
  std::exception_ptr thrown;
  {
    const py::gil_scoped_release unlocked;
    try {
      done = run::train(recipe, {.folder = call.folder,
                                 .resume = call.resume,
                                 .command = "gamut.train",
                                 .reward = reward.get(),
                                 .judge = judge.get(),
                                 .on_step = [&](const auto& row) { observe(call.on_step, row); },
                                 .on_evaluation = [&](const auto& row) { observe(call.on_evaluation, row); },
                                 .stop = [&] { return failure.is_set(); }});
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  failure.rethrow();  // the user's own exception, with its traceback
  if (thrown) std::rethrow_exception(thrown);
  return outcome_of(done, call.folder);
}

}  // namespace

void add_training(py::module_& module) {
  module.def(
      "train",
      [](const std::filesystem::path& recipe, const py::dict& set, const py::object& reward,
         const py::object& judge, const py::object& on_step, const py::object& on_evaluation,
         const py::object& make_prompts, const std::filesystem::path& folder, bool resume) {
        return train({recipe, set, reward, judge, on_step, on_evaluation, make_prompts, folder, resume});
      },
      py::arg("recipe"), py::arg("set"), py::arg("reward"), py::arg("judge"), py::arg("on_step"),
      py::arg("on_evaluation"), py::arg("make_prompts"), py::arg("run"), py::arg("resume"));
}

}  // namespace gamut::python
