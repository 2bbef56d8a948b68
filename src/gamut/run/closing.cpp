// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/closing.h"

#include "gamut/core/error.h"
#include "gamut/eval/table.h"
#include "gamut/io/files.h"
#include "gamut/run/measured.h"

#include <ATen/ATen.h>

namespace gamut::run {
namespace {

std::vector<eval::TableColumn> columns_of(const std::filesystem::path& run, const TrainRecipe& recipe,
                                          const FirstAndLast& measured) {
  const auto& [before, after] = measured;
  std::vector<eval::TableColumn> columns{{"before", before.numbers, measured_base(recipe)},
                                         {"after", after.numbers, measured_run(run, recipe, after.step)}};
  if (const auto raw = raw_evaluation_at(run, after.step))
    columns.push_back({"raw", *raw, measured_run(run, recipe, after.step, true), true});
  return columns;
}

}  // namespace

FirstAndLast first_and_last(const std::filesystem::path& run, int64_t last) {
  FirstAndLast measured{evaluation_at(run, 0), evaluation_at(run, last)};
  const auto& [before, after] = measured;
  if (before.pictures.sizes() != after.pictures.sizes())
    throw DataError("run",
                    cat("the pictures of step 0 and of the last step must be as many and as large; got ",
                        before.pictures.sizes(), " and ", after.pictures.sizes()));
  return measured;
}

Closing write_closing(const std::filesystem::path& run, const TrainRecipe& recipe,
                      const FirstAndLast& measured, const std::vector<text::Prompt>& prompts) {
  const auto& [before, after] = measured;
  const std::filesystem::path sheet = run / "before_after.png";
  io::save_png(sheet,
               io::contact_sheet({{.title = "before", .rows = sheet_rows(before.pictures, prompts.size())},
                                  {.title = "after", .rows = sheet_rows(after.pictures, prompts.size())}},
                                 sheet_options(prompts)));
  const std::string table = eval::comparison_table(columns_of(run, recipe, measured));
  io::write_atomically(run / kClosingTable, table);
  return {.table = table, .sheet = sheet};
}

}  // namespace gamut::run
