// SPDX-License-Identifier: Apache-2.0
// The report in headless Chromium with the network off: no error, every view opens, what moves moves, nothing
// needs sideways scrolling; on a desktop and on a phone. Skipped only where there is no chromium.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace gamut::testing {
namespace report_page_test {

using nlohmann::json;

constexpr const char* kHostile =
    "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>";

bool has_chromium() { return std::system("command -v chromium >/dev/null 2>&1") == 0; }

// A page that holds the report in a frame as wide as a phone and shows what its self-test says: a browser's
// own window cannot be that narrow.
void write_phone(const fs::path& path, const fs::path& report) {
  write_raw(
      path,
      cat("<!doctype html><body><iframe style='width:390px;height:844px;border:0' src='file://",
          report.string(),
          "#selftest'></iframe><script>addEventListener('message', (event) => { const result = "
          "document.createElement('pre'); result.id = 'selftest-result'; result.textContent = event.data; "
          "document.body.append(result); });</script>"));
}

// The page's elements after its scripts have run. No name resolves, so nothing outside can be reached.
std::string dom_of(const fs::path& page, const fs::path& profile) {
  const std::string command =
      cat("timeout 120 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage "
          "--disable-extensions "
          "--host-resolver-rules='MAP * ~NOTFOUND' --virtual-time-budget=60000 --window-size=1280,900"
          " --user-data-dir='",
          profile.string(), "' --dump-dom 'file://", page.string(), "#selftest' 2>/dev/null");
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  char buffer[65536];
  for (size_t count = 1; pipe && count > 0;) {
    count = std::fread(buffer, 1, sizeof buffer, pipe);
    text.append(buffer, count);
  }
  if (pipe) ::pclose(pipe);
  return text;
}

json selftest_of(const std::string& dom) {
  const std::string open = "<pre id=\"selftest-result\">";
  const size_t begin = dom.find(open);
  if (begin == std::string::npos)
    return {{"ok", false}, {"failed", {"no result; the page's scripts did not finish"}}};
  std::string text = dom.substr(begin + open.size(), dom.find("</pre>", begin) - begin - open.size());
  for (size_t at; (at = text.find("&amp;")) != std::string::npos;) text.erase(at + 1, 4);
  return json::parse(text);
}

// The closing table's cells of a measure.
std::vector<std::string> cells_of(const std::string& dom, const std::string& key) {
  std::vector<std::string> cells;
  const std::string open = "data-key=\"" + key + "\"";
  for (size_t at = dom.find(open); at != std::string::npos; at = dom.find(open, at + 1))
    cells.push_back(dom.substr(at, dom.find("</td>", at) - at));
  return cells;
}

// Two methods, one with a bonus and a subset; a prompt that would like to be a script.
void train_both(const Micro& folder) {
  write_raw(folder / "prompts.jsonl", json{{"prompt", kHostile}, {"target", "7"}}.dump() +
                                          "\n{\"prompt\": \"the letter K\", \"target\": \"K\"}\n");
  write_raw(folder / "heldout.jsonl",
            "{\"prompt\": \"the digit 7, white on dark blue\", \"target\": \"7\", "
            "\"attributes\": {\"ink\": \"white\", \"ground\": \"dark blue\"}}\n");
  const std::string heldout = "eval.heldout=" + (folder / "heldout.jsonl").string();
  ASSERT_EQ(gamut(folder.train("flow_grpo", {"--set", heldout})).code, 0);
  ASSERT_EQ(gamut(folder.train("gamut-1", {"--set", heldout, "--set", "shaping.kind=cluster_bonus", "--set",
                                           "shaping.features=pixels", "--set", "shaping.clusters=2"}))
                .code,
            0);
  fs::create_directories(folder / "empty");
  fs::copy(folder / "flow_grpo" / "config.toml", folder / "empty" / "config.toml");
}

TEST(report_page, works_on_desktop_and_phone_without_a_network) {
  if (!has_chromium()) GTEST_SKIP() << "chromium is not installed; scripts/setup.sh installs it where it can";
  const Micro folder;
  train_both(folder);
  const Ran ran = gamut({"report", "-o", (folder / "report.html").string(), (folder / "flow_grpo").string(),
                         (folder / "gamut-1").string(), (folder / "empty").string()});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string dom = dom_of(folder / "report.html", folder / "profile");
  EXPECT_EQ(dom.find("<img"), std::string::npos) << "the prompt became an element";
  EXPECT_NE(dom.find("&lt;img src=x onerror"), std::string::npos) << "the prompt is shown as text";
  EXPECT_NE(dom.find("Color accuracy on new prompts"), std::string::npos)
      << "what held-out prompts say is in the closing table";
  const std::vector<std::string> norms = cells_of(dom, "prediction_norm"), rewards = cells_of(dom, "reward");
  ASSERT_EQ(norms.size(), 2U);
  ASSERT_EQ(rewards.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NE(rewards[i].find("<b class=\""), std::string::npos) << rewards[i];
    EXPECT_NE(norms[i].find("<b class=\"\""), std::string::npos)
        << "a measure without a good direction is painted: " << norms[i];
  }
  write_phone(folder / "phone.html", folder / "report.html");
  const json desktop = selftest_of(dom),
             phone = selftest_of(dom_of(folder / "phone.html", folder / "profile"));
  EXPECT_EQ(phone.value("width", 0), 390);
  for (const json& result : {desktop, phone}) {
    EXPECT_TRUE(result["ok"]) << result.dump();
    EXPECT_GE(result.value("pictures", 0), 6);
    EXPECT_GE(result.value("marks", 0), 6);
  }
}

}  // namespace report_page_test
}  // namespace gamut::testing
