#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How many compilers may run at once: one per core, as far as memory goes. A file with the precompiled LibTorch
# header takes up to 2 GB.
set -euo pipefail

gigabytes_per_job=2
cores=$(nproc 2>/dev/null || echo 2)
available_kb=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo 2>/dev/null || echo 4000000)
# A container's own limit may be lower than the machine's memory.
if [[ -r /sys/fs/cgroup/memory.max && $(cat /sys/fs/cgroup/memory.max) != max ]]; then
  limit_kb=$(($(cat /sys/fs/cgroup/memory.max) / 1024))
  ((limit_kb < available_kb)) && available_kb=$limit_kb
fi
by_memory=$((available_kb / 1000000 / gigabytes_per_job))
jobs=$((by_memory < cores ? by_memory : cores))
echo $((jobs < 1 ? 1 : jobs))
