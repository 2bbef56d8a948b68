// SPDX-License-Identifier: Apache-2.0
// Sweeps of tiny runs: done, skipped, killed, stopped, failed.
#include "cli/micro.h"
#include "cli/run_program.h"
#include "gamut/io/run_lock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace gamut::testing {
namespace sweep_test {

using nlohmann::json;

// A sweep's file beside the micro recipe.
class Sweep {
 public:
  explicit Sweep(const std::string& text) {
    write_raw(file(), "folder = " + quoted(folder()) + "\nrecipes = [\"micro.toml\"]\n" + text);
  }
  fs::path file() const { return micro_ / "sweep.toml"; }
  fs::path folder() const { return micro_ / "runs"; }
  fs::path operator/(const std::string& name) const { return folder() / name; }
  std::vector<std::string> args(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"sweep", file().string()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Ran run(const std::vector<std::string>& more = {}) const { return gamut(args(more)); }

 private:
  Micro micro_;
};

const std::string kVariants =
    "seeds = [1, 2]\njobs = 2\n[[variant]]\n[[variant]]\nlabel = \"fast\"\nset = "
    "[\"optimizer.learning_rate=1e-3\"]\n";
// Long enough that a signal meets it running.
const std::string kLong = "seeds = [1, 2, 3]\njobs = 2\nset = [\"iterations=16\", \"checkpoint.every=5\"]\n";

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

std::vector<json> results(const Sweep& sweep) {
  std::vector<json> rows = rows_without_seconds(sweep / "results.jsonl");
  for (json& row : rows) {
    row.erase("train_seconds");
    for (const char* key : {"protocol", "settings"})
      row.erase(key);  // they name the prompts' file, which each test has to itself
  }
  return rows;
}

int64_t rows_in(const fs::path& file) {
  const std::string text = read_file(file);
  return std::count(text.begin(), text.end(), '\n');
}

TEST(sweep, runs_every_recipe_variant_and_seed_once) {
  const Sweep sweep(kVariants);
  const Ran ran = sweep.run();
  ASSERT_EQ(ran.code, 0) << ran.err;
  std::set<std::string> names;
  std::map<std::string, double> rewards;
  for (const json& row : io::read_json_lines(sweep / "results.jsonl")) {
    names.insert(row.at("run"));
    EXPECT_EQ(row.at("run"), cat(row.at("recipe").get<std::string>(), "-", row.at("seed").get<int64_t>()));
    EXPECT_EQ(row.at("eval_seed"), row.at("role") == "select" ? 1000 : 2000);
    EXPECT_EQ(row.at("train_seconds").get<double>() > 0, row.at("step") != 0);
  }
  EXPECT_EQ(names, (std::set<std::string>{"micro-1", "micro-2", "micro@fast-1", "micro@fast-2"}));
  EXPECT_NE(read_file(sweep / "micro@fast-2/config.toml").find("learning_rate = 0.001"), std::string::npos);
  EXPECT_NE(read_file(sweep / "micro@fast-2/config.toml").find("\nseed = 2"), std::string::npos);

  // Nothing is left to do, and nothing is done again.
  const auto written = fs::last_write_time(sweep / "micro-1/model/model_index.json");
  const Ran again = sweep.run();
  EXPECT_EQ(again.code, 0) << again.err;
  for (const std::string& name : names)
    EXPECT_TRUE(has_line(again.err, name + ": complete already")) << again.err;
  EXPECT_EQ(fs::last_write_time(sweep / "micro-1/model/model_index.json"), written);
  const Ran list = sweep.run({"--list"});
  EXPECT_EQ(std::count(list.out.begin(), list.out.end(), '\n'), 4);
  EXPECT_EQ(list.out.find("to do"), std::string::npos);
  const Ran table = sweep.run({"--table"});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_NE(table.out.find("\n| micro@fast | 1 2 | "), std::string::npos) << table.out;
}

TEST(sweep, killed_leaves_no_run_behind_and_goes_on_to_the_same_numbers) {
  const Sweep whole(kLong), sweep(kLong);
  ASSERT_EQ(whole.run().code, 0);
  {
    Program program(sweep.args(), {});
    ASSERT_TRUE(program.wait_until([&] {
      return rows_in(sweep / "micro-1/metrics.jsonl") >= 3 && rows_in(sweep / "micro-2/metrics.jsonl") >= 1;
    }));
    program.signal(SIGKILL);
    EXPECT_EQ(program.wait().ended_by, SIGKILL);
  }
  EXPECT_FALSE(fs::exists(sweep / "micro-3/config.toml"));
  const Ran ran = sweep.run();  // waits for the orphans' checkpoints
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("micro-1: going on from step "), std::string::npos) << ran.err;
  EXPECT_NE(read_file(sweep / "micro-1.log").find("stopped after step"), std::string::npos)
      << "the orphan was not asked to stop";
  EXPECT_EQ(results(sweep), results(whole));
}

TEST(sweep, stops_with_checkpoints_when_asked) {
  const Sweep sweep(kLong);
  Program program(sweep.args(), {});
  ASSERT_TRUE(program.wait_until([&] { return rows_in(sweep / "micro-1/metrics.jsonl") >= 1; }));
  program.signal(SIGINT);
  const Ran ran = program.wait();
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_TRUE(ran.err.ends_with("stopped with 0 of 3 runs done; go on with: gamut sweep " +
                                sweep.file().string() + "\n"))
      << ran.err;
  EXPECT_FALSE(io::is_locked(sweep / "micro-1"));
  const int64_t done = rows_in(sweep / "micro-1/metrics.jsonl");
  char step[32];
  std::snprintf(step, sizeof step, "step_%06lld", static_cast<long long>(done));
  EXPECT_TRUE(fs::exists(sweep / "micro-1/checkpoints" / step / "DONE"));
}

TEST(sweep, finishes_the_others_when_a_run_fails) {
  const Sweep sweep(
      "seeds = [1]\n[[run]]\nrecipe = \"micro.toml\"\nlabel = \"broken\"\n"
      "set = [\"optimizer.learning_rate=1e30\"]\nseeds = [5]\n");
  const Ran ran = sweep.run();
  EXPECT_EQ(ran.code, 5) << ran.err;
  EXPECT_TRUE(has_line(ran.err, "micro-1: done")) << ran.err;
  EXPECT_NE(ran.err.find("warning: failed: micro@broken-5: error: ["), std::string::npos) << ran.err;
  EXPECT_TRUE(
      ran.err.ends_with("error: [sweep] 1 of 2 runs failed; mend the cause and start again: gamut sweep " +
                        sweep.file().string() + " (what is done is kept)\n"))
      << ran.err;
  for (const json& row : io::read_json_lines(sweep / "results.jsonl")) EXPECT_EQ(row.at("recipe"), "micro");
}

TEST(sweep, takes_no_run_of_another_recipe_for_its_own) {
  const Sweep sweep("seeds = [1]\nset = [\"iterations=2\"]\n");
  ASSERT_EQ(sweep.run().code, 0);
  const Ran ran = sweep.run({"--set", "sampler.steps=5"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_TRUE(has_line(ran.err,
                       "warning: failed: micro-1: its folder holds a run of another recipe; changed: "
                       "sampler.steps was 4 and is 5"))
      << ran.err;
  EXPECT_EQ(ran.out, "") << "nothing is complete, so there is no table and no page";
  // Nor does it touch what is not a run.
  fs::create_directories(sweep / "micro-2/samples");
  write_raw(sweep / "micro-2/mine.txt", "precious");
  write_raw(sweep.file(),
            "folder = " + quoted(sweep.folder()) + "\nrecipes = [\"micro.toml\"]\nseeds = [2]\n");
  EXPECT_EQ(sweep.run().code, 2);
  EXPECT_EQ(read_file(sweep / "micro-2/mine.txt"), "precious");
}

TEST(sweep, names_what_is_wrong_before_anything_starts) {
  auto expect_error = [](const std::string& text, const std::string& message) {
    const Sweep sweep(text);
    const Ran ran = sweep.run();
    EXPECT_EQ(ran.code, 2);
    EXPECT_EQ(ran.err, "error: " + message + "\n");
    EXPECT_FALSE(fs::exists(sweep.folder()));
  };
  expect_error("baseline = \"mikro\"",
               "[sweep] baseline must be one of the methods; got 'mikro'; did you mean 'micro'?");
  expect_error("[[run]]\nrecipe = \"micro.toml\"",
               "[sweep] two runs are named 'micro-1'; give one of them another label");
  expect_error("[[run]]\nlabel = \"x\"", "[sweep] each [[run]] needs a `recipe`");
  expect_error("[[variant]]\nlabel = \"a/b\"",
               "[sweep] a label becomes part of folder names; got 'a/b'; expected letters, digits, '_', '-', "
               "'.' and '+'");
  const Sweep sweep("[[run]]\nrecipie = \"micro.toml\"\n");
  EXPECT_EQ(sweep.run().err, "error: [config] unknown key 'run.1.recipie' (" + sweep.file().string() +
                                 ":4:1); did you mean 'run.1.recipe'?\n");
  const Sweep bad("set = [\"sampler.stps=3\"]\n");
  EXPECT_EQ(bad.run().err,
            "error: [sweep] micro-1: [config] unknown key 'sampler.stps' (--set #1); did you mean "
            "'sampler.steps'?\n");
}

// Chosen by the selecting seed, shown by the reporting one, held-out prompts beside; raw weights stay out.
TEST(sweep, tables_put_the_passes_of_one_checkpoint_together) {
  const Sweep sweep("levels = [0.9]\n");
  const auto row = [](int64_t step, double reward, double spread) {
    return json{
        {"recipe", "micro"}, {"seed", 1}, {"step", step}, {"reward", reward}, {"color_spread", spread}};
  };
  const auto as = [](json one, const char* key, const char* value) {
    one[key] = value;
    return one;
  };
  json heldout = as(row(4, 0.1, 0.01), "set", "heldout");
  heldout["colors_obeyed"] = 0.25;
  std::string text;
  for (const json& one :
       {row(0, 0.5, 0.25), row(4, 0.95, 0.2), as(row(0, 0.55, 0.26), "role", "report"), heldout,
        as(row(4, 0.85, 0.15), "role", "report"), as(row(8, 0.99, 0.9), "weights", "raw")})
    text += one.dump() + "\n";
  const fs::path file = sweep.file().parent_path() / "rows.jsonl";
  write_raw(file, text);
  const Ran ran = sweep.run({"--results", file.string()});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(has_line(ran.out, "| base | | 0.550 | 0.260 | – | |")) << ran.out;
  EXPECT_TRUE(has_line(ran.out,
                       "| micro | 1 | 0.850 (0.850–0.850) | 0.150 (0.150–0.150) | 0.250 (0.250–0.250) | 0 |"))
      << ran.out;
  // Eight ninths of the way from 0.26 to 0.15, where the selecting evaluation's line meets 0.9.
  EXPECT_TRUE(has_line(ran.out, "| micro | 1 of 1 | 0.162 (0.162–0.162) | 0.250 (0.250–0.250) |")) << ran.out;
}

TEST(sweep, refuses_a_second_sweep_into_the_folder) {
  const Sweep sweep(kLong);
  fs::create_directories(sweep.folder());
  const io::RunLock held(sweep.folder());
  const Ran ran = sweep.run();
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.err, cat("error: [run] process ", ::getpid(), " is writing into '", sweep.folder().string(),
                         "'; wait until it ends, or name another folder\n"));
}

TEST(sweep, goes_on_from_what_ended_elsewhere) {
  const Sweep sweep("seeds = [1]\nset = [\"iterations=2\"]\n");
  ASSERT_EQ(sweep.run().code, 0);
  const fs::path elsewhere = sweep.file().parent_path() / "elsewhere.jsonl";
  fs::rename(sweep / "results.jsonl", elsewhere);
  fs::remove_all(sweep.folder());
  write_raw(sweep.file(), "folder = " + quoted(sweep.folder()) +
                              "\nrecipes = [\"micro.toml\"]\nseeds = [1, 2]\nset = [\"iterations=2\"]\n"
                              "ended = [\"elsewhere.jsonl\"]\n");
  const Ran list = sweep.run({"--list"});
  EXPECT_EQ(list.out, "elsewhere micro-1\nto do     " + (sweep / "micro-2").string() + "\n") << list.err;
  const Ran table = sweep.run({"--table"});  // without a folder yet
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_NE(table.out.find("\n| micro | 1 | "), std::string::npos) << table.out;
  const Ran ran = sweep.run();
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_FALSE(fs::exists(sweep / "micro-1"));
  const std::vector<json> ended = io::read_json_lines(elsewhere),
                          all = io::read_json_lines(sweep / "results.jsonl");
  EXPECT_EQ(all.size(), 2 * ended.size());
  EXPECT_TRUE(std::equal(ended.begin(), ended.end(), all.begin()));
  EXPECT_NE(read_file(sweep / "frontier.txt").find("\nmicro     1 2 "), std::string::npos)
      << read_file(sweep / "frontier.txt");
  EXPECT_TRUE(fs::exists(sweep / "report.html"));
}

TEST(sweep, tables_are_of_one_protocol) {
  const Sweep sweep(
      "seeds = [1, 2]\nlevels = [0.05]\nset = [\"iterations=2\"]\n[[variant]]\n[[variant]]\nlabel = "
      "\"other\"\n"
      "set = [\"optimizer.learning_rate=1e-3\"]\n");
  ASSERT_EQ(sweep.run().code, 0);
  const Ran table = sweep.run({"--table"});
  ASSERT_EQ(table.code, 0) << table.err;
  EXPECT_NE(table.out.find("\nAt reward 0.05, along lines between checkpoints: the most of each measure"),
            std::string::npos)
      << table.out;
  EXPECT_NE(table.out.find("ranks by families of measures, 1 is best, mean over 2 seeds"), std::string::npos)
      << table.out;
  std::string rows = read_file(sweep / "results.jsonl");
  EXPECT_EQ(json::parse(rows.substr(0, rows.find('\n'))).at("protocol").get<std::string>().substr(0, 8),
            "model = ");
  const size_t place = rows.find("iterations = 2", rows.rfind("\"protocol\""));
  ASSERT_NE(place, std::string::npos);
  rows.replace(place, 14, "iterations = 9");
  write_raw(sweep / "mixed.jsonl", rows);
  const Ran mixed = sweep.run({"--results", (sweep / "mixed.jsonl").string()});
  EXPECT_EQ(mixed.code, 2);
  EXPECT_NE(mixed.err.find("[sweep] one table holds runs of one protocol; 'micro seed 1' and '"),
            std::string::npos)
      << mixed.err;
  EXPECT_NE(mixed.err.find("differ in iterations (2 and 9)"), std::string::npos) << mixed.err;
}

}  // namespace sweep_test
}  // namespace gamut::testing
