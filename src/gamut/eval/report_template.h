// SPDX-License-Identifier: Apache-2.0
// Defined by cmake/EmbedReport.cmake from the files themselves.
#pragma once

#include <string_view>

namespace gamut::eval::report_template {

extern const std::string_view kPage, kStyle,
    kScript;  // src/gamut/eval/report: page.html, style.css, the scripts
extern const std::string_view kChartStyle, kChartScript;  // third_party/uplot

}  // namespace gamut::eval::report_template
