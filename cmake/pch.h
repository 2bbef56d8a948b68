// SPDX-License-Identifier: Apache-2.0
// The one precompiled header: LibTorch's tensor API, and the std headers nearly every file uses. Autograd's
// functions are left out: eight files define some, and every file would pay a second for the templates they
// leave to be filled.
#pragma once
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
