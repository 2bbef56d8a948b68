// SPDX-License-Identifier: Apache-2.0
// GAMUT_CPU: which path the kernels take, where that is said, and what a resumed run says of another one.
#include "cli/micro.h"
#include "cli/run_program.h"
#include "gamut/nn/kernels/cpu_path.h"

#include <gtest/gtest.h>

namespace gamut::testing {
namespace cpu_path_test {

RunOptions on_path(const char* path) { return {.environment = {{"GAMUT_CPU", path}}}; }

TEST(cpu_path, doctor_names_the_path_and_why) {
  const std::string widest{nn::cpu_path_name(nn::runnable_cpu_paths().back())};
  const auto line = [](const RunOptions& options) {
    const std::string out = gamut({"doctor"}, options).out;
    const size_t start = out.find("CPU kernels: ");
    return start == std::string::npos ? out : out.substr(start, out.find('\n', start) - start);
  };
  EXPECT_EQ(line(on_path(nullptr)), "CPU kernels: " + widest + " (the widest that this machine runs)");
  // A limit above what the machine has is no error.
  EXPECT_EQ(line(on_path("avx512")),
            "CPU kernels: " + widest + " (GAMUT_CPU=avx512; the widest that this machine runs)");
  if (widest == "baseline") GTEST_SKIP() << "this machine runs the baseline only";
  EXPECT_EQ(line(on_path("baseline")),
            "CPU kernels: baseline (GAMUT_CPU=baseline; this machine runs " + widest + ")");
}

TEST(cpu_path, an_unknown_path_is_an_error_before_any_work) {
  const Ran ran = gamut({"doctor"}, on_path("sse9"));
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "error: [cpu] environment variable GAMUT_CPU names an unknown path; got 'sse9'; expected "
            "baseline, avx2 or "
            "avx512, or leave it unset for the widest\n");
}

TEST(cpu_path, waiting_threads_give_their_core_back_unless_told_otherwise) {
  const auto threads = [](std::vector<std::pair<const char*, const char*>> environment) {
    for (const char* name : {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME"})
      environment.insert(environment.begin(), {name, nullptr});
    const std::string out = gamut({"doctor"}, {.environment = environment}).out;
    const size_t start = out.find("threads: ");
    return start == std::string::npos ? out : out.substr(start, out.find('\n', start) - start);
  };
  EXPECT_EQ(threads({}), "threads: 1 (GOMP_SPINCOUNT=10000, OMP_WAIT_POLICY=passive)");
  EXPECT_EQ(threads({{"OMP_WAIT_POLICY", "active"}}), "threads: 1 (OMP_WAIT_POLICY=active)");
}

TEST(cpu_path, a_run_resumed_on_another_path_says_so) {
  if (nn::runnable_cpu_paths().size() < 2) GTEST_SKIP() << "this machine runs the baseline only";
  const Micro micro;
  const std::string run = (micro / "run").string(), recipe = micro.recipe().string();
  const Ran first = gamut({"train", recipe, "--run", run, "--set", "iterations=2"}, on_path(nullptr));
  ASSERT_EQ(first.code, 0) << first.err;
  const std::string widest{nn::cpu_path_name(nn::runnable_cpu_paths().back())};
  EXPECT_NE(first.err.find("CPU kernels: " + widest), std::string::npos) << first.err;
  EXPECT_NE(read_file(fs::path(run) / "build.txt").find("CPU kernels: " + widest), std::string::npos);

  const std::vector<std::string> again{"train", recipe, "--run", run, "--resume", "--set", "iterations=4"};
  const std::string warning = "the checkpoint was written on CPU path " + widest + ", this is baseline";
  const fs::path copy = micro / "copy";
  fs::copy(run, copy, fs::copy_options::recursive);
  const Ran other = gamut(again, on_path("baseline"));
  EXPECT_EQ(other.code, 0) << other.err;
  EXPECT_NE(other.err.find(warning), std::string::npos) << other.err;

  fs::remove_all(run);
  fs::rename(copy, run);
  const Ran same = gamut(again, on_path(nullptr));
  EXPECT_EQ(same.code, 0) << same.err;
  EXPECT_EQ(same.err.find("the checkpoint was written"), std::string::npos) << same.err;
}

}  // namespace cpu_path_test
}  // namespace gamut::testing
