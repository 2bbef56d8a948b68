// SPDX-License-Identifier: Apache-2.0
#include "gamut/comm/config.h"

namespace gamut::comm {

void CommConfig::fields(FieldVisitor& v) {
  v.field("timeout", timeout, between(1, 86400),
          "several processes: seconds that one waits for another before the run ends");
}

}  // namespace gamut::comm
