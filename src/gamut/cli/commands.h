// SPDX-License-Identifier: Apache-2.0
// One function per subcommand: adds its flags to the program and returns what to run when it is chosen.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace gamut::cli {

// Runs the chosen command; the result is the exit code.
using Action = std::function<int()>;

void add_train_command(CLI::App& program, Action& chosen);
void add_plan_command(CLI::App& program, Action& chosen);
void add_pretrain_command(CLI::App& program, Action& chosen);
void add_sweep_command(CLI::App& program, Action& chosen);
void add_sample_command(CLI::App& program, Action& chosen);
void add_eval_command(CLI::App& program, Action& chosen);
void add_compare_command(CLI::App& program, Action& chosen);
void add_convert_command(CLI::App& program, Action& chosen);
void add_frontier_command(CLI::App& program, Action& chosen);
void add_report_command(CLI::App& program, Action& chosen);
void add_explain_command(CLI::App& program, Action& chosen);
// The subcommands of `explain` that read one group from standard input.
void add_group_explainers(CLI::App& explain, Action& chosen);
void add_doctor_command(CLI::App& program, Action& chosen);
void add_completion_command(CLI::App& program, Action& chosen);
void add_help_command(CLI::App& program, Action& chosen);
// Once all commands are there: examples at the end of each one's help.
void add_examples(CLI::App& program);

}  // namespace gamut::cli
