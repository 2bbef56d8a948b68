// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/algorithm.h"
#include "gamut/core/error.h"
#include "gamut/diversity/distances.h"
#include "gamut/diversity/irs.h"
#include "gamut/diversity/measures.h"
#include "gamut/diversity/pixels.h"
#include "gamut/diversity/tonal.h"
#include "gamut/diversity/vendi.h"
#include "gamut/nn/images.h"
#include "gamut/python/parts.h"

#include <ATen/ATen.h>

#include <optional>

namespace gamut::python {
namespace {

using at::Tensor;
using MaybeTensor = std::optional<Tensor>;

diversity::CheckedGroup group_of(const MaybeTensor& features, const MaybeTensor& distances,
                                 const MaybeTensor& kernel) {
  return diversity::check_group({.features_ND = features.value_or(Tensor()),
                                 .distances_NN = distances.value_or(Tensor()),
                                 .kernel_NN = kernel.value_or(Tensor())});
}

double vendi(const MaybeTensor& features, double q, const MaybeTensor& distances, const MaybeTensor& kernel) {
  return diversity::vendi_from_kernel(group_of(features, distances, kernel).kernel_NN, q);
}

double rke(const MaybeTensor& features, const MaybeTensor& distances, const MaybeTensor& kernel) {
  return diversity::rke(group_of(features, distances, kernel).kernel_NN);
}

double pairwise(const MaybeTensor& features, const MaybeTensor& distances, const MaybeTensor& kernel) {
  return diversity::pairwise_mean(group_of(features, distances, kernel).distances_NN);
}

double nearest(const MaybeTensor& features, const MaybeTensor& distances, const MaybeTensor& kernel) {
  return diversity::nearest_mean(group_of(features, distances, kernel).distances_NN);
}

// The options are those of [shaping]: clusters, sigma, sigma_q.
std::vector<int64_t> clusters(const MaybeTensor& features, const MaybeTensor& distances,
                              const MaybeTensor& kernel, const py::kwargs& options) {
  algorithms::Slots slots;
  bind(parse_recipe("", "keywords", as_sets("shaping", options)), slots);
  return diversity::spectral_clusters(group_of(features, distances, kernel).distances_NN,
                                      slots.shaping.spectral());
}

py::dict recall(const Tensor& generated, const Tensor& reference) {
  const diversity::RetrievalScore score = diversity::retrieval_score(generated, reference);
  using namespace py::literals;
  return py::dict("hits"_a = score.hits, "reach"_a = score.reach, "alpha"_a = score.alpha,
                  "irs_alpha"_a = score.irs_alpha, "irs_infinity"_a = score.irs_infinity);
}

Tensor checked_pictures(const Tensor& pictures) {
  if (pictures.dim() != 4 || pictures.size(1) != 3 || pictures.size(0) == 0)
    throw DataError("diversity", cat("pictures must be [n, 3, H, W] in [0, 1]; got ", pictures.sizes()));
  return pictures.detach().to(at::kCPU, at::kFloat);
}

double color_spread(const Tensor& pictures) {
  return diversity::color_spread(nn::tensor_to_images(checked_pictures(pictures)));
}

double pvs(const Tensor& pictures) { return diversity::tonal_variety(checked_pictures(pictures)); }

}  // namespace

void add_diversity(py::module_& module) {
  py::module_ part = module.def_submodule("diversity");
  const auto none = py::none();
  const auto group = [&](const char* name, auto function) {
    part.def(name, function, py::arg("features") = none, py::kw_only(), py::arg("distances") = none,
             py::arg("kernel") = none);
  };
  part.def("vendi", &vendi, py::arg("features") = none, py::arg("q") = 1.0, py::kw_only(),
           py::arg("distances") = none, py::arg("kernel") = none);
  group("rke", &rke);
  group("pairwise", &pairwise);
  group("nearest", &nearest);
  part.def("clusters", &clusters, py::arg("features") = none, py::kw_only(), py::arg("distances") = none,
           py::arg("kernel") = none);
  part.def("recall", &recall, py::arg("generated"), py::arg("reference"));
  part.def("pvs", &pvs, py::arg("pictures"));
  part.def("color_spread", &color_spread, py::arg("pictures"));
}

}  // namespace gamut::python
