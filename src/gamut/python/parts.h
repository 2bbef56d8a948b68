// SPDX-License-Identifier: Apache-2.0
// The Python module's parts, and how values cross: tensors without a copy, keywords as a recipe's keys.
#pragma once

#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/utils/pybind.h>

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <string>
#include <vector>

namespace gamut::python {

namespace py = pybind11;

void add_errors(py::module_& module);
void add_diversity(py::module_& module);
void add_credit(py::module_& module);
void add_runs(py::module_& module);
void add_model(py::module_& module);
void add_training(py::module_& module);

// EnvironmentError for a CUDA device in a process that was forked after CUDA had started. Wants the
// interpreter's lock.
void check_fork(const std::string& device);

// {"beta": 0.5, "clusters": "eigengap"} of table "shaping" -> {"shaping.beta=0.5",
// "shaping.clusters=\"eigengap\""}, as --set takes them. ConfigError for a value that a recipe cannot hold.
std::vector<std::string> as_sets(const std::string& table, const py::dict& keywords);

}  // namespace gamut::python
