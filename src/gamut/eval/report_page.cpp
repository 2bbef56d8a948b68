// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/report_page.h"

#include "gamut/core/error.h"
#include "gamut/eval/report.h"
#include "gamut/eval/report_template.h"

#include <nlohmann/json.hpp>

namespace gamut::eval {
namespace {

// Replaces the one mark; the template is ours, so its absence is our mistake.
void fill(std::string& page, std::string_view mark, std::string_view content) {
  const size_t at = page.find(mark);
  GAMUT_CHECK(at != std::string::npos && page.find(mark, at + 1) == std::string::npos, "mark ", mark);
  page.replace(at, mark.size(), content);
}

}  // namespace

std::string script_safe(std::string_view json) {
  std::string safe;
  safe.reserve(json.size() + json.size() / 16);
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    const bool is_separator = json.substr(i, 2) == "\xe2\x80" && i + 2 < json.size() &&
                              (json[i + 2] == '\xa8' || json[i + 2] == '\xa9');
    if (c == '<')
      safe += "\\u003c";
    else if (c == '>')
      safe += "\\u003e";
    else if (c == '&')
      safe += "\\u0026";
    else if (is_separator) {
      safe += json[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else
      safe += c;
  }
  return safe;
}

std::string page_with(std::string_view json) {
  std::string page(report_template::kPage);
  // The data last: nothing is searched for behind what users wrote.
  fill(page, "/*{{chart_style}}*/", report_template::kChartStyle);
  fill(page, "/*{{style}}*/", report_template::kStyle);
  fill(page, "/*{{chart_script}}*/", report_template::kChartScript);
  fill(page, "/*{{script}}*/", report_template::kScript);
  fill(page, "{{data}}", script_safe(json));
  return page;
}

std::string report_page(const Report& report) {
  return page_with(
      report_json(report).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace gamut::eval
