// SPDX-License-Identifier: Apache-2.0
// Where the files and folders that a recipe or the command line names are looked for.
//
//   named by                                     looked for in, the first that has it
//   a recipe's file                              that file's folder, gamut's data, the current folder
//   the command line (--model, --set, RECIPE)    the current folder, gamut's data
//   a default                                    gamut's data, the current folder
//
// An absolute name stands for itself. A name found nowhere stays as it is written: whoever opens it says so.
#pragma once

#include <filesystem>
#include <string>

namespace gamut {

// The folder with the recipes/ and models/ that belong to this program: the one that GAMUT_DATA names, else
// ../share/gamut from the program's folder (share/gamut beside the Python module), else the checkout that
// holds the build folder. "" when there is none.
std::filesystem::path data_folder();

enum class NamedBy { kRecipe, kCommandLine, kDefault };

struct InputFile {
  std::string name;  // to open; as written where that leads to the same file from here
  std::string
      written;  // for a stored recipe: as written when gamut's data has it, else absolute when it was found
};
// `folder`: of the recipe's file, for kRecipe.
InputFile find_input(const std::string& name, NamedBy named_by, const std::filesystem::path& folder = {});

}  // namespace gamut
