// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/crc32c.h"

#include "gamut/core/error.h"
#include "support/temp_folder.h"
#include "support/write_raw.h"

#include <gtest/gtest.h>

#include <numeric>

namespace gamut::io {
namespace crc32c_test {

// RFC 3720, section B.4, and the check value of the catalogue of CRC algorithms (CRC-32/ISCSI).
TEST(crc32c, gives_the_published_values) {
  std::string ascending(32, '\0');
  std::iota(ascending.begin(), ascending.end(), '\0');
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
  EXPECT_EQ(crc32c(ascending), 0x46DD794Eu);
  EXPECT_EQ(crc32c(std::string(ascending.rbegin(), ascending.rend())), 0x113FDB5Cu);
}

TEST(crc32c, goes_on_after_any_split) {
  std::string text(100, '\0');
  std::iota(text.begin(), text.end(), '\0');
  for (size_t at = 0; at <= text.size(); ++at)
    EXPECT_EQ(crc32c(text.substr(at), crc32c(text.substr(0, at))), crc32c(text)) << at;
}

TEST(crc32c, of_a_file_is_that_of_its_bytes) {
  const testing::TempFolder folder;
  const std::string bytes(3'000'001, 'x');
  testing::write_raw(folder / "file", bytes);
  testing::write_raw(folder / "check", "123456789");
  EXPECT_EQ(file_crc32c(folder / "file"), crc32c_text(crc32c(bytes)));
  EXPECT_EQ(file_crc32c(folder / "check"), "e3069283");
  EXPECT_THROW(file_crc32c(folder / "none"), EnvironmentError);
}

}  // namespace crc32c_test
}  // namespace gamut::io
