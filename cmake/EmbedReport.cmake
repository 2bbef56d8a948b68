# SPDX-License-Identifier: Apache-2.0
# cmake -DOUT=report_template.cpp -DSOURCE=<repository> -P EmbedReport.cmake
# Writes the page's parts as string constants, so that the program needs no file beside it.
set(report ${SOURCE}/src/gamut/eval/report)
set(text "// Written by cmake/EmbedReport.cmake.\n#include \"gamut/eval/report_template.h\"\n\nnamespace gamut::eval::report_template {\n")
function(embed name)
  set(all "")
  foreach(path ${ARGN})
    file(READ ${path} part)
    string(APPEND all "${part}")
  endforeach()
  set(text "${text}const std::string_view ${name} = R\"=gamut=(${all})=gamut=\";\n" PARENT_SCOPE)
endfunction()
embed(kPage ${report}/page.html)
embed(kStyle ${report}/style.css)
embed(kScript ${report}/core.js ${report}/summary.js ${report}/frontier.js ${report}/curves.js ${report}/pictures.js
      ${report}/palette.js ${report}/groups.js ${report}/details.js ${report}/app.js)
embed(kChartStyle ${SOURCE}/third_party/uplot/uPlot.min.css)
embed(kChartScript ${SOURCE}/third_party/uplot/uPlot.iife.min.js)
file(WRITE ${OUT} "${text}}  // namespace gamut::eval::report_template\n")
