// SPDX-License-Identifier: Apache-2.0
// The part of YAML in which OpenCV's FileStorage writes models and matrices: maps and lists by indentation,
// lists in brackets over several lines, maps in braces, the tag !!opencv-matrix.
//
//   %YAML:1.0
//   ---
//   range: !!opencv-matrix
//      rows: 1
//      cols: 2
//      dt: f
//      data: [ 3.44e-01, 10. ]
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <string_view>

namespace gamut::io {

// Maps, lists, numbers, and strings for all other scalars (.Inf and .Nan among them). Anything else (anchors,
// block text, tabs, other tags, a key twice, more than 16 levels) is a DataError that names file and line.
nlohmann::json parse_opencv_yaml(std::string_view text, std::string_view name);
// The same of a file; EnvironmentError when it is missing or unreadable.
nlohmann::json read_opencv_yaml(const std::filesystem::path& path);

}  // namespace gamut::io
