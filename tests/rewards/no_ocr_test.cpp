// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/rewards/ocr.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

namespace gamut::rewards {
namespace no_ocr_test {

TEST(no_ocr, says_how_to_get_it) {
  EXPECT_FALSE(ocr_is_built());
  const std::string message = testing::message_of<EnvironmentError>([] { make_ocr_reward({}); });
  EXPECT_EQ(message,
            "[ocr] the reward 'ocr' needs Tesseract; got a build without it; configure with -DGAMUT_OCR=ON "
            "after: apt install libtesseract-dev tesseract-ocr-eng");
}

}  // namespace no_ocr_test
}  // namespace gamut::rewards
