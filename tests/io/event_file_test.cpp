// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/event_file.h"

#include "gamut/io/tf_records.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>

#include <fstream>

namespace gamut::io {
namespace event_file_test {

const Path kFixtures = Path(GAMUT_SOURCE_DIR) / "tests/io/fixtures";

// Steps of the events after the version, which must come first.
std::vector<size_t> sizes_of_events(const Path& path) {
  const std::string bytes = read_text(path);
  std::vector<size_t> sizes;
  size_t end = 0;
  while (const auto record = record_at(bytes, end)) {
    sizes.push_back(record->data.size());
    end = record->end;
  }
  EXPECT_EQ(end, bytes.size()) << "something is left over";
  return sizes;
}

// The same four events as tests/generators/events.py writes with TensorBoard's own messages and writer.
TEST(event_file, has_the_bytes_of_tensorboards_own_writer) {
  const std::string png = read_text(kFixtures / "rgb.png");
  const std::string got =
      framed_record(version_event(1795395172.25)) +
      framed_record(summary_event(1795395173.5, 0, {.scalars = {{"eval/reward", 0.0}}})) +
      framed_record(
          summary_event(1795395174.5, 1, {.scalars = {{"train/reward_mean", 0.1}, {"train/kl", -2.5e-7}}})) +
      framed_record(summary_event(1795395175.0, 300,
                                  {.scalars = {{"eval/reward", 1e30}}, .pictures = {{"samples", png}}}));
  EXPECT_EQ(got, read_text(kFixtures / "events.tfevents"));
}

TEST(event_file, goes_on_without_a_step_twice) {
  const testing::TempFolder folder;
  const EventSummary one{.scalars = {{"a", 1.0}}}, two{.scalars = {{"a", 1.0}, {"b", 2.0}}};
  Path path;
  {
    EventFile file(folder.path(), 0);
    path = file.path();
    file.append(0, one);
    file.append(1, one);
    file.append(200, one);
    file.append(201, two);
  }
  EXPECT_TRUE(path.filename().string().starts_with("events.out.tfevents."));
  const std::vector<size_t> before = sizes_of_events(path);
  ASSERT_EQ(before.size(), 5u);
  {
    EventFile file(folder.path(), 200);
    EXPECT_EQ(file.path(), path);
    file.append(201, one);
  }
  const std::vector<size_t> after = sizes_of_events(path);
  ASSERT_EQ(after.size(), 5u);
  EXPECT_LT(after.back(), before.back()) << "step 201 was not replaced";
  // Back to before the first checkpoint: only the version is left.
  { EventFile file(folder.path(), -1); }
  EXPECT_EQ(sizes_of_events(path).size(), 1u);
}

TEST(event_file, cuts_off_what_a_kill_left) {
  const testing::TempFolder folder;
  Path path;
  {
    EventFile file(folder.path(), 0);
    path = file.path();
    file.append(1, {.scalars = {{"a", 1.0}}});
    file.append(2, {.scalars = {{"a", 1.0}}});
  }
  const auto whole = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, whole - 1);
  { EventFile file(folder.path(), 5); }
  EXPECT_EQ(sizes_of_events(path).size(), 2u);
  std::ofstream(path) << "no event file at all";
  { EventFile file(folder.path(), 5); }
  EXPECT_EQ(sizes_of_events(path).size(), 1u);
}

}  // namespace event_file_test
}  // namespace gamut::io
