// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/tasks.h"

#include "gamut/tasks/glyphs/task.h"

namespace gamut::tasks {

const std::vector<Task>& task_table() {
  static const std::vector<Task> table{glyphs::register_task()};
  return table;
}

void register_tasks() { task_table(); }

const Task* task_of(std::span<const text::Prompt> prompts) {
  for (const Task& task : task_table())
    if (task.fits(prompts)) return &task;
  return nullptr;
}

}  // namespace gamut::tasks
