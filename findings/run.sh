# Sourced by each finding: `run PACKAGE==VERSION...` installs them in a temporary folder and runs the Python that stands
# on standard input there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
run() {
    "${PYTHON:-python3.11}" -m venv "$folder/venv"
    "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    (cd "$folder" && HF_HOME="$folder/hf" venv/bin/python -)
}
