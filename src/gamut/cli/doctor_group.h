// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gamut/comm/group.h"

#include <string>

namespace gamut::cli {

// Who the processes of the group are and how fast they sum, as lines of text; every process calls it, rank 0
// gets the text and the others "".
std::string describe_group(comm::Group& group);

}  // namespace gamut::cli
