// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/python/parts.h"

#include <nlohmann/json.hpp>

namespace gamut::python {
namespace {

// TOML and JSON write these alike.
std::string as_toml(const std::string& key, const py::handle& value) {
  if (py::isinstance<py::bool_>(value)) return value.cast<bool>() ? "true" : "false";
  if (py::isinstance<py::str>(value)) return nlohmann::json(value.cast<std::string>()).dump();
  if (py::isinstance<py::int_>(value) || py::isinstance<py::float_>(value))
    return py::repr(value).cast<std::string>();
  if (py::isinstance<py::list>(value) || py::isinstance<py::tuple>(value)) {
    std::string list;
    for (const py::handle& item : value) list += cat(list.empty() ? "" : ", ", as_toml(key, item));
    return cat("[", list, "]");
  }
  if (py::hasattr(value, "__fspath__"))
    return nlohmann::json(py::str(value.attr("__fspath__")()).cast<std::string>()).dump();
  throw ConfigError("config",
                    cat("'", printable(key), "' must be a bool, number, string, path or list of them; got ",
                        printable(py::repr(py::type::of(value)).cast<std::string>())));
}

}  // namespace

std::vector<std::string> as_sets(const std::string& table, const py::dict& keywords) {
  std::vector<std::string> sets;
  for (const auto& [name, value] : keywords) {
    const std::string key =
        table.empty() ? py::str(name).cast<std::string>() : cat(table, ".", std::string(py::str(name)));
    sets.push_back(cat(key, "=", as_toml(key, value)));
  }
  return sets;
}

}  // namespace gamut::python
