// SPDX-License-Identifier: Apache-2.0
// gamut from Python: the library's own functions under their names in docs/python.md, and nothing beside
// them.
#include "gamut/python/parts.h"

PYBIND11_MODULE(_gamut, module) {
  module.doc() = "The compiled part of gamut; use it as `import gamut`.";
  gamut::python::add_errors(module);
  gamut::python::add_diversity(module);
  gamut::python::add_credit(module);
  gamut::python::add_runs(module);
  gamut::python::add_model(module);
  gamut::python::add_training(module);
}
