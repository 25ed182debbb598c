#!/usr/bin/env bash
# Holds what we hand to Axolotl against the real program, on a CPU: its schema knows every key, it takes the samples of every
# family as they are, plans the updates that we count, and trains both stages of a tiny random Llama.
#
#   tests/train/check_axolotl.sh ENVIRONMENT_FOLDER      `make axolotl` makes it
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
ours=${PYTHON:-$root/.venv/bin/python}
environment=$(cd "${1:?"usage: $0 ENVIRONMENT_FOLDER"}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HUB_OFFLINE=1 AXOLOTL_DO_NOT_TRACK=1 CUDA_VISIBLE_DEVICES=""

(cd "$root" && "$ours" -m tests.train.axolotl_workspaces "$work" ${FAMILIES:-})
check() { "$environment/bin/python" "$root/tests/train/check_axolotl.py" "$@"; }
run() { # workspace, action, stage's folder, more arguments
  local log="$work/$2.log"
  (cd "$1" && "$environment/bin/axolotl" "$2" "train/$3/axolotl.yaml" "${@:4}") >"$log" 2>&1 || { tail -40 "$log"; exit 1; }
}

for workspace in "$work"/*/*packed; do
  for stage in msm-seed0 aft_cot-seed0; do
    run "$workspace" preprocess "$stage"
    check "$workspace" "$stage" schema tokens steps
  done
done
trained=$(find "$work" -mindepth 2 -maxdepth 2 -name packed | sort | head -1)
for stage in msm-seed0 aft_cot-seed0; do
  run "$trained" train "$stage" --launcher python
  check "$trained" "$stage" updates
done
check "$trained" aft_cot-seed0 adapters
run "$trained" merge-lora aft_cot-seed0 --lora-model-dir=train/aft_cot-seed0/out
test -f "$trained/train/aft_cot-seed0/out/merged/config.json"
echo "Axolotl agrees."
