// SPDX-License-Identifier: Apache-2.0
// Every command of the shell blocks of README, of the gallery and of docs/howto, and every whole command in
// README's text, runs as it stands there: in a folder that looks like the project's after `make demo`, with a
// run of a second in the place of each of the demo's.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <functional>
#include <regex>
#include <sstream>

namespace gamut::testing {
namespace readme_test {

// What a command gets besides, so that it takes seconds; or why it is not run. By the beginning of the
// command.
struct Exception {
  const char *command, *more, *left_out;
};
constexpr Exception kExceptions[] = {
    {"make ", nullptr, "sets up the machine and builds, as this test's own build did"},
    {"hf download", nullptr, "fetches weights from the network"},
    {"build/gamut sample --model sd15", nullptr, "needs those weights"},
    {"build/gamut train recipes/sd15", nullptr, "needs those weights"},
    {"build/gamut train recipes/sd35", nullptr, "needs its weights"},
    {"build/gamut train recipes/flux", nullptr, "needs its weights"},
    {"build/gamut sweep", "--list", nullptr},  // eighteen runs; sweep_test runs three of its own
    {"gamut sweep", "--list", nullptr},
    {"gamut plan recipes/sd15", nullptr, "needs those weights"},
    {"gamut sample --model stable-diffusion-v1-5", nullptr, "needs those weights"},
    {"gamut train recipes/sd15/ddpo.toml", nullptr, "needs those weights"},
    {"gamut sample --model runs/sd15", nullptr, "needs those weights"},
    {"gamut eval runs/sd15", nullptr, "needs those weights"},
    {"gamut train recipes/sd15/smoke.toml", "", nullptr},
    {"gamut train recipes/glyphs",
     "--set iterations=1 --set eval.members=2 --set eval.steps=2 --set eval.heldout_members=2 --set "
     "rollout.group_size=4 "
     "--set rollout.micro_batch=16 --set eval.features=pixels",
     nullptr},
    {"gamut eval recipes", "--set eval.members=2 --set eval.steps=2 --set eval.heldout_members=2", nullptr},
    {"build/gamut train recipes/glyphs",
     "--set iterations=1 --set eval.members=2 --set eval.steps=2 --set eval.heldout_members=2 --set "
     "rollout.group_size=4 "
     "--set rollout.micro_batch=16 --set eval.features=pixels",
     nullptr},
    {"build/gamut eval", "--set eval.members=2 --set eval.steps=2 --set eval.heldout_members=2", nullptr},
};

const Exception* exception_of(const std::string& command) {
  for (const Exception& exception : kExceptions)
    if (command.starts_with(exception.command)) return &exception;
  return nullptr;
}

// Of the blocks marked sh; a line that ends in a backslash goes on, and so does one with <<'END', until END.
std::vector<std::string> block_commands(const std::string& page) {
  std::vector<std::string> commands;
  std::istringstream lines(page);
  std::string whole;
  bool shell = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      shell = line == "```sh";
      continue;
    }
    if (!shell || line.empty()) continue;
    whole += line;
    if (whole.find("<<'END'") != std::string::npos && line != "END") {
      whole += "\n";
      continue;
    }
    if (whole.ends_with('\\')) {
      whole.back() = ' ';
      continue;
    }
    commands.push_back(whole);
    whole.clear();
  }
  return commands;
}

// `gamut …` in the text, where no word stands for something else: RECIPE, RUN….
std::vector<std::string> commands_in_text(const std::string& page) {
  std::vector<std::string> commands;
  const std::regex span("`((?:build/)?gamut [a-z]+ [^`\n]+)`"), placeholder("\\b[A-Z]{3,}\\b");
  for (std::sregex_iterator at(page.begin(), page.end(), span), end; at != end; ++at)
    if (const std::string command = (*at)[1]; !std::regex_search(command, placeholder))
      commands.push_back(command);
  return commands;
}

// The project's folder as a user has it who ran the demo.
class Project {
 public:
  Project() {
    for (const char* name : {"recipes", "models", "docs"})
      fs::create_directory_symlink(kSource / name, folder_ / name);
    fs::create_directories(folder_ / "build");
    fs::create_symlink(GAMUT_PROGRAM, folder_ / "build/gamut");
    fs::create_directories(folder_ / "runs/demo");
    write_raw(folder_ / "runs/demo/report.html", "<html>");
    for (const char* run : {"flow_grpo", "gamut"})
      EXPECT_EQ(
          sh(cat("build/gamut train recipes/glyphs/flow_grpo.toml --run runs/demo/", run,
                 " --set iterations=1 --set judge.kind=reader --set eval.members=2 --set eval.steps=2 --set "
                 "eval.heldout_members=2 --set eval.features=pixels --set rollout.group_size=4 --set "
                 "rollout.micro_batch=16")),
          0)
          << said();
  }
  fs::path operator/(const std::string& name) const { return folder_ / name; }
  int sh(const std::string& command) const {
    write_raw(folder_ / "command.sh",
              cat("cd '", folder_.path().string(), "'\nPATH=$PWD/build:$PATH\nexport OMP_NUM_THREADS=1\n",
                  command, "\n"));
    const int status = std::system(
        cat("sh '", (folder_ / "command.sh").string(), "' > '", (folder_ / "said").string(), "' 2>&1")
            .c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string said() const { return read_file(folder_ / "said"); }

 private:
  TempFolder folder_;
};

// How many ran; `edit` changes a command before it runs.
size_t run_all(
    const Project& project, const std::vector<std::string>& commands,
    const std::function<std::string(std::string)>& edit = [](std::string text) { return text; }) {
  size_t ran = 0;
  for (const std::string& command : commands) {
    const Exception* exception = exception_of(command);
    if (exception && exception->left_out) continue;
    const std::string plain = edit(command.substr(0, command.find("  #")));
    EXPECT_EQ(project.sh(exception ? cat(plain, " ", exception->more) : plain), 0) << command << "\n"
                                                                                   << project.said();
    ++ran;
  }
  return ran;
}

TEST(readme, every_command_runs_as_printed) {
  const std::string page = read_file(kSource / "README.md");
  std::vector<std::string> commands = block_commands(page);
  for (const std::string& command : block_commands(read_file(kSource / "docs/gallery.md")))
    commands.push_back(command);
  ASSERT_GE(commands.size(), 10u) << "README and the gallery have shell blocks";
  for (const std::string& command : commands_in_text(page)) commands.push_back(command);
  EXPECT_GE(run_all(Project(), commands), 6u);
}

TEST(readme, own_prompts_and_stable_diffusion_run_as_printed) {
  const Project project;
  EXPECT_EQ(run_all(project, block_commands(read_file(kSource / "docs/howto/own_prompts.md"))), 8u);
  EXPECT_EQ(run_all(project, block_commands(read_file(kSource / "docs/howto/stable_diffusion.md"))), 2u);
}

std::string block_of(const std::string& page, const std::string& kind) {
  const std::string open = "```" + kind + "\n";
  const size_t begin = page.find(open) + open.size();
  return page.substr(begin, page.find("```\n", begin) - begin);
}

// The page's server on a free port in the place of the one that the page names.
TEST(readme, own_reward_runs_as_printed) {
  const std::string page = read_file(kSource / "docs/howto/own_reward.md");
  const Project project;
  fs::create_directory_symlink(kSource / "examples", project / "examples");
  write_raw(project / "my_reward.py", block_of(page, "python"));
  if (project.sh("python3 -c 'import http.server'") != 0) GTEST_SKIP() << "python3 was not found";
  ASSERT_EQ(project.sh("python3 my_reward.py --port 0 > address & echo $! > pid; for i in $(seq 100); do [ "
                       "-s address ] && break; "
                       "sleep 0.1; done; [ -s address ]"),
            0);
  const std::string line = read_file(project / "address"),
                    url = line.substr(line.find("http"), line.size() - line.find("http") - 1);
  const std::string written = "http://127.0.0.1:8000";
  const size_t ran = run_all(project, block_commands(page), [&](std::string command) {
    const size_t at = command.find(written);
    return at == std::string::npos ? command : command.replace(at, written.size(), url);
  });
  EXPECT_EQ(ran, 2u);
  EXPECT_EQ(project.sh("kill $(cat pid)"), 0);
}

}  // namespace readme_test
}  // namespace gamut::testing
