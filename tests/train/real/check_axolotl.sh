#!/usr/bin/env bash
# Holds what we hand to Axolotl against the real program, on a CPU: its schema knows every key, it takes the samples of every
# family as they are, plans the updates that we count, and trains both stages of a tiny random Llama. Then prints the table
# of docs/training.md: what Axolotl and TRL train on, family by family, before and after.
#
#   tests/train/real/check_axolotl.sh ENVIRONMENT_FOLDER      `make axolotl` makes it; FAMILIES="llama3 qwen3" takes some
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
ours=${PYTHON:-$root/.venv/bin/python}
ours=$(cd "$(dirname "$ours")" && pwd)/$(basename "$ours")
environment=$(cd "${1:?"usage: $0 ENVIRONMENT_FOLDER"}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HUB_OFFLINE=1 AXOLOTL_DO_NOT_TRACK=1 AXOLOTL_DATASET_NUM_PROC=1 CUDA_VISIBLE_DEVICES=""

say() { # a command's output that is ours; all of it where the command fails
  local log="$work/log"
  "$@" >"$log" 2>&1 || { tail -40 "$log"; exit 1; }
  grep -E '^(ok|train|adapters|.* updates of |[a-z_]+-seed[0-9]+:)' "$log" || true
}
check() { say "$environment/bin/python" "$root/tests/train/real/check_axolotl.py" "$@"; }
axolotl() { (cd "$trained" && say "$environment/bin/axolotl" "$@"); }

cd "$root"
# shellcheck disable=SC2086  # several families
say "$ours" -m tests.train.real.axolotl_workspaces "$work" ${FAMILIES:-}
check look "$work"
trained=$(find "$work" -mindepth 2 -maxdepth 2 -name packed | sort | head -1)
for stage in msm-seed0 aft_cot-seed0; do
  axolotl train "train/$stage/axolotl.yaml" --launcher python
done
check trained "$trained"
axolotl merge-lora train/aft_cot-seed0/axolotl.yaml --lora-model-dir=train/aft_cot-seed0/out
test -f "$trained/train/aft_cot-seed0/out/merged/config.json"
echo "Axolotl agrees."
# shellcheck disable=SC2086
"$ours" -m tests.train.real.check_families --axolotl "$environment" ${FAMILIES:-} 2>"$work/families" || {
  tail -40 "$work/families"
  exit 1
}
