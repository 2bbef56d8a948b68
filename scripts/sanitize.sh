#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs the tests of the rooms given (all: every room's) in build-sanitize/: sanitize.sh core io text | all
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs=$(scripts/jobs.sh)
rooms=("$@")
if [[ ${rooms[*]} == all ]]; then
  mapfile -t rooms < <(grep -l gamut_tests tests/*/CMakeLists.txt | xargs -n 1 dirname | xargs -n 1 basename)
fi
cmake --build build-sanitize --parallel "$jobs" --target $(printf 'tests_%s ' "${rooms[@]}")
# LibTorch keeps memory until the process ends.
export ASAN_OPTIONS=detect_leaks=0:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 OMP_WAIT_POLICY=passive
failed=()
for room in "${rooms[@]}"; do
  ctest --test-dir build-sanitize --output-on-failure --parallel "$jobs" -R "^$room\\." || failed+=("$room")
done
[[ ${#failed[@]} -eq 0 ]] || { echo "sanitize: tests failed in: ${failed[*]}" >&2; exit 1; }
