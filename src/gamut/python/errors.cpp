// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"

#include "gamut/python/parts.h"

namespace gamut::python {

void add_errors(py::module_& module) {
  // The most particular last: pybind11 asks the last registered first.
  static const py::exception<Error> base(module, "Error", PyExc_RuntimeError);
  py::register_exception<ConfigError>(module, "ConfigError", base.ptr()).doc() =
      "Wrong usage, or a recipe that cannot be (exit code 2 of the program).";
  py::register_exception<DataError>(module, "DataError", base.ptr()).doc() =
      "A file, tensor or value is not what it must be (exit code 3).";
  py::register_exception<EnvironmentError>(module, "EnvironmentError", base.ptr()).doc() =
      "The machine lacks something: a file, space, a server (exit code 4).";
  py::register_exception<NumericalError>(module, "NumericalError", base.ptr()).doc() =
      "Training cannot go on for numerical reasons (exit code 5).";
  py::register_exception<InternalError>(module, "InternalError", base.ptr()).doc() =
      "A mistake of gamut's own (exit code 70).";
}

}  // namespace gamut::python
