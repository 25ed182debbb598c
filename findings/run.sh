# Sourced by each finding: `run PACKAGE==VERSION...` installs them in a temporary folder and runs Python on standard
# input there.
set -euo pipefail
run() {
    local folder
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    "${PYTHON:-python3.11}" -m venv "$folder/venv"
    "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    (cd "$folder" && HF_HOME="$folder/hf" venv/bin/python -)
}
