// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/sweep_process.h"

#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/stop.h"
#include "gamut/io/files.h"
#include "gamut/io/run_lock.h"
#include "gamut/run/child_process.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <list>
#include <thread>

namespace gamut::run {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr milliseconds kPause{50};      // between two looks at the processes
constexpr double kSecondsPerLine = 60;  // of progress, off a terminal

int64_t steps_done(const fs::path& folder) {
  const auto row = io::last_json_line(folder / "metrics.jsonl");
  const auto step = row && row->is_object() ? row->find("step") : nlohmann::json::const_iterator();
  const bool counts = row && row->is_object() && step != row->end() && step->is_number_integer();
  return counts ? std::max<int64_t>(0, step->get<int64_t>()) : 0;
}

// The last line that says something: an error is one line.
std::string last_line(const fs::path& log) {
  std::string text = io::read_text(log);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

// A folder whose making was cut short holds no recipe and nothing else. Only what is empty is removed:
// training refuses a folder with anything of the user's.
void remove_unfinished_folder(const fs::path& folder) {
  std::error_code ignored;
  for (const char* name : {"lock", "samples", "checkpoints", ""}) fs::remove(folder / name, ignored);
}

class Processes {
 public:
  Processes(const std::vector<PlannedRun>& runs, const SweepOptions& options) : options_(options) {
    for (const PlannedRun& run : runs) {
      total_steps_ += run.resolved.train.iterations;
      sort(run);
    }
    steps_before_ = steps_now();
  }

  SweepOutcome run() {
    while (!running_.empty() || (!pending_.empty() && !outcome_.stopped)) {
      collect_ended();
      if (stop_requested()) ask_to_stop();
      if (!outcome_.stopped) start_more();
      report_progress();
      std::this_thread::sleep_for(kPause);
    }
    return std::move(outcome_);
  }

 private:
  struct Running {
    const PlannedRun* run;
    pid_t child;
  };

  fs::path folder_of(const PlannedRun& run) const { return options_.folder / run.name; }
  fs::path log_of(const PlannedRun& run) const { return options_.folder / (run.name + ".log"); }

  void sort(const PlannedRun& run) {
    std::string changes;
    const RunState state = state_of(run, folder_of(run), &changes);
    if (state == RunState::kOther)
      return fail(run, cat("its folder holds a run of another recipe; changed: ", changes),
                  int(ExitCode::kConfig));
    if (state != RunState::kComplete) return pending_.push_back(&run);
    ++outcome_.complete;
    steps_of_complete_ += run.resolved.train.iterations;
    log_info(cat(run.name, ": complete already"));
  }

  void start_more() {
    for (auto next = pending_.begin(); next != pending_.end() && int64_t(running_.size()) < options_.jobs;) {
      const PlannedRun& run = **next;
      // What a killed sweep left training still writes its checkpoint.
      const bool busy = fs::exists(folder_of(run)) && io::is_locked(folder_of(run));
      if (busy) {
        ++next;
        continue;
      }
      next = pending_.erase(next);
      start(run);
    }
  }

  void start(const PlannedRun& run) {
    const bool resume = fs::exists(folder_of(run) / "config.toml");
    if (!resume) remove_unfinished_folder(folder_of(run));
    ChildCommand command{.args = {"train", run.recipe.string(), "--run", folder_of(run).string()},
                         .environment = {{"OMP_NUM_THREADS", std::to_string(options_.threads)}},
                         .out = log_of(run),
                         .err = log_of(run)};
    for (const std::string& set : run.sets) command.args.insert(command.args.end(), {"--set", set});
    if (resume) command.args.push_back("--resume");
    if (options_.json_log) command.args.push_back("--json-log");
    running_.push_back({&run, start_child(command)});
    log_info(cat(run.name, ": ",
                 resume ? "going on from step " + std::to_string(steps_done(folder_of(run))) : "started"));
  }

  void collect_ended() {
    for (auto at = running_.begin(); at != running_.end();) {
      const auto end = poll_child(at->child);
      if (!end) {
        ++at;
        continue;
      }
      record(*at->run, *end);
      at = running_.erase(at);
    }
  }

  void record(const PlannedRun& run, const ChildEnd& end) {
    if (end.code == 0 && end.ended_by == 0) {
      ++outcome_.complete;
      steps_of_complete_ += run.resolved.train.iterations;
      return log_info(cat(run.name, ": done"));
    }
    if (outcome_.stopped) return log_info(cat(run.name, ": stopped at step ", steps_done(folder_of(run))));
    if (end.ended_by != 0)
      return fail(run, cat("ended by signal ", end.ended_by), int(ExitCode::kEnvironment));
    fail(run, end.code == kStoppedOnRequest ? "stopped by somebody else" : last_line(log_of(run)), end.code);
  }

  void fail(const PlannedRun& run, const std::string& why, int code) {
    outcome_.failed.push_back({run.name, why, code});
    total_steps_ -= run.resolved.train.iterations;
    log_warning(cat(run.name, ": ", why));
  }

  void ask_to_stop() {
    if (outcome_.stopped) return;
    outcome_.stopped = true;
    if (!running_.empty()) log_info("stopping: each run finishes its iteration and writes a checkpoint");
    for (const Running& running : running_) ::kill(running.child, SIGTERM);
  }

  int64_t steps_now() const {
    int64_t steps = steps_of_complete_;
    for (const Running& running : running_) steps += steps_done(folder_of(*running.run));
    for (const PlannedRun* run : pending_) steps += steps_done(folder_of(*run));
    return steps;
  }

  void report_progress() {
    const double wait = progress_is_live() ? 1 : kSecondsPerLine;
    if (since_line_.seconds() < wait) return;
    since_line_.restart();
    const int64_t now = steps_now();
    const double rate = double(now - steps_before_) / watch_.seconds();
    const std::string left = rate > 0 ? format_duration(double(total_steps_ - now) / rate) : "unknown";
    const size_t runs = outcome_.complete + outcome_.failed.size() + running_.size() + pending_.size();
    const std::string line =
        cat("sweep ", outcome_.complete, "/", runs, " runs done, ", running_.size(), " running",
            outcome_.failed.empty() ? "" : cat(", ", outcome_.failed.size(), " failed"), ", iteration ", now,
            "/", total_steps_, ", ", left, " left");
    show_progress(line, {{"complete", int64_t(outcome_.complete)},
                         {"running", int64_t(running_.size())},
                         {"failed", int64_t(outcome_.failed.size())},
                         {"iterations", now},
                         {"iterations_total", total_steps_}});
  }

  SweepOptions options_;
  SweepOutcome outcome_;
  std::list<const PlannedRun*> pending_;
  std::list<Running> running_;
  int64_t total_steps_ = 0, steps_of_complete_ = 0, steps_before_ = 0;
  Stopwatch watch_, since_line_;
};

}  // namespace

RunState state_of(const PlannedRun& run, const fs::path& folder, std::string* changes) {
  if (!fs::exists(folder / "config.toml")) return RunState::kToDo;
  const bool finished =
      fs::exists(folder / "before_after.txt") && steps_done(folder) >= run.resolved.train.iterations;
  const std::string found = recipe_changes(run.resolved, folder / "config.toml", finished ? "device" : "");
  if (changes != nullptr) *changes = found;
  if (!found.empty()) return RunState::kOther;
  return finished ? RunState::kComplete : RunState::kBegun;
}

SweepOutcome run_processes(const std::vector<PlannedRun>& runs, const SweepOptions& options) {
  Processes processes(runs, options);
  SweepOutcome outcome = processes.run();
  end_progress();
  return outcome;
}

}  // namespace gamut::run
