// SPDX-License-Identifier: Apache-2.0
// Adapters on a whole network: which layers, with which initial values, and switched off for a while.
//
//   store.require_grad(false);                                           // the base stays as it is
//   ParamStore adapter = attach_lora(store, {.rank = 16}, /*seed=*/1);   // "….to_q.lora_A.weight", …
//   adapter.require_grad(true);
//   { const AdaptersOff base(store);  … }                                // the base's own outputs
#pragma once

#include "gamut/core/config.h"
#include "gamut/nn/lora_file.h"
#include "gamut/nn/params.h"

#include <string>
#include <vector>

namespace gamut::nn {

// [lora] of a recipe.
struct LoraConfig {
  int64_t rank = 0;
  double alpha = 0;
  std::vector<std::string> targets = {"to_q", "to_k", "to_v", "to_out.0"};
  std::string target_regex = "";
  std::string init = "gaussian";  // gaussian | kaiming
  void fields(FieldVisitor& v);
  bool is_on() const { return rank > 0; }
  double effective_alpha() const { return alpha > 0 ? alpha : 2.0 * double(rank); }
};

// The layers that carry an adapter, by peft's rules (check_target_module_exists): a target takes the path
// that equals it or ends with ".target"; target_regex, if given, stands in place of the list and must match
// the whole path; the single target "all-linear" takes every linear layer. ConfigError for a target that
// takes none, with the nearest name.
std::vector<std::string> match_targets(const LoraConfig& config, const ParamStore& base);

// Adds a fresh adapter to each matched layer of `base` and returns its tensors, fp32 on the base's device:
// "<path>.lora_A.weight" and, zero, "<path>.lora_B.weight" (peft's initial values: gaussian N(0, 1/r),
// kaiming U(±1/sqrt(fan in)) for A). Drawn from streams named by the tensors.
ParamStore attach_lora(ParamStore& base, const LoraConfig& config, uint64_t seed);
// Whether every lora_B of an adapter's tensors is zero: then it adds nothing to the base.
bool changes_nothing(const std::vector<NamedTensor>& params);
// The adapter as a file would hold it.
LoraFile lora_of(const std::vector<NamedTensor>& params, const LoraConfig& config,
                 const std::string& component);

// Adds stored modules to `base`, `scale` times their strength. DataError naming key and shapes when a module
// has no layer here or does not fit it.
void attach_modules(ParamStore& base, const std::vector<LoraModule>& modules, double scale);
// Adds every adapter of `base` to the weights themselves, and removes it.
void merge_adapters(ParamStore& base);

// The network without its adapters while this lives.
class AdaptersOff {
 public:
  explicit AdaptersOff(const ParamStore& base) : slots_(base.adapters()) { set(false); }
  ~AdaptersOff() { set(true); }
  AdaptersOff(const AdaptersOff&) = delete;
  AdaptersOff& operator=(const AdaptersOff&) = delete;

 private:
  void set(bool on) {
    for (const auto& [path, slot] : slots_) {
      slot->on = on;
    }
  }
  const std::map<std::string, AdapterHandle>& slots_;
};

}  // namespace gamut::nn
