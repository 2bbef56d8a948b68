#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fine-tunes the shipped base twice, minutes each, by Flow-GRPO and by gamut's own recipe (whose iterations cost
# more, so fewer of them), and ends with one table, one sheet and one page.
#   scripts/demo.sh [FOLDER]      default: runs/demo, or runs/demo-2, … : the first that does not exist
set -eu
cd "$(dirname "$0")/.."

folder=${1:-runs/demo}
number=2
while [ -e "$folder" ]; do
  folder=runs/demo-$number
  number=$((number + 1))
done
mkdir -p "$folder"

echo "== 1 of 2: Flow-GRPO ($folder/flow_grpo)"
build/gamut train recipes/glyphs/flow_grpo.toml --run "$folder/flow_grpo" --set eval.every=40
echo
echo "== 2 of 2: gamut ($folder/gamut)"
build/gamut train recipes/glyphs/gamut.toml --run "$folder/gamut" --set iterations=120 --set eval.every=40
echo
echo "== the base and both, same prompts, same seeds"
build/gamut compare "$folder/flow_grpo" "$folder/gamut" --out "$folder/compare.png"
echo
echo "== all of it on one page: open it in a browser"
build/gamut report "$folder/flow_grpo" "$folder/gamut" -o "$folder/report.html"
