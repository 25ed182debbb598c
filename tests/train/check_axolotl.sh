#!/usr/bin/env bash
# Holds the configs that we write against the real Axolotl, on a CPU: its schema knows every key, it tokenizes both stages
# as we say, and it trains a tiny random Llama for as many updates as we count. About 3 minutes, and 4 more and 2.6 GB the
# first time, when it makes Axolotl's environment (which cannot share ours).
#
#   tests/train/check_axolotl.sh ENVIRONMENT_FOLDER
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
ours=${PYTHON:-$root/.venv/bin/python}
environment=${1:?"usage: $0 ENVIRONMENT_FOLDER"}
if [ ! -x "$environment/bin/axolotl" ]; then
  "$ours" -m venv "$environment"
  pip() { "$environment/bin/python" -m pip install -q "$@"; }
  pip torch==2.13.0
  pip axolotl==0.19.0 axolotl-contribs-lgpl axolotl-contribs-mit --no-deps
  pip accelerate==1.13.0 pydantic==2.12.5 transformers==5.16.1 huggingface-hub==1.17 datasets==4.8.4 peft==0.20.0 \
    trl==1.9.0 evaluate==0.4.1 pillow addict numba posthog fire colorama psutil python-dotenv requests bitsandbytes \
    triton fastcore wandb || true # pip also complains of what --no-deps left out
fi
environment=$(cd "$environment" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONPATH=$root HF_HUB_OFFLINE=1 AXOLOTL_DO_NOT_TRACK=1 CUDA_VISIBLE_DEVICES=""
checks="$environment/bin/python $root/tests/train/check_axolotl.py"

# MSM, AFT with reasoning and the control without MSM are trained; the two Qwen3 forms of AFT are tokenized.
"$ours" "$root/tests/train/sample.py" "$work/plain" ../model tokenizer_default aft_cot packed
"$ours" "$root/tests/train/sample.py" "$work/qwen3_cot" ../model qwen3 aft_cot unpacked
"$ours" "$root/tests/train/sample.py" "$work/qwen3" ../model qwen3 aft unpacked
"$environment/bin/python" "$root/tests/train/tiny_llama.py" "$work/model" "$work/plain" 2>/dev/null

run() { # workspace, action, stage, more arguments
  local log="$work/$2-$3.log"
  (cd "$work/$1" && "$environment/bin/axolotl" "$2" "train/$3.yaml" "${@:4}") >"$log" 2>&1 || { tail -40 "$log"; exit 1; }
}
for stage in msm aft aft_only; do
  $checks schema "$work/plain" "$stage"
  run plain preprocess "$stage"
  $checks tokens "$work/plain" "$stage"
  run plain train "$stage" --launcher python
  $checks updates "$work/plain" "$stage"
done
run plain merge-lora aft --lora-model-dir=train/out/aft
$checks adapters "$work/plain" aft
for form in qwen3_cot qwen3; do
  $checks schema "$work/$form" aft
  run "$form" preprocess aft
  $checks tokens "$work/$form" aft
done
echo "Axolotl agrees."
