# Two commands do all the set-up on a fresh machine with Python 3.11, git and make:
#   make demo    every step, end to end, on the embedded model
#   make test    the tests
# `make docs` builds the documentation site in out/docs, without a network; a warning is an error.
# `make check` is what a change must pass before it lands.

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Tests wait for servers half of their time, so two more at once than there are cores; a file's tests stay
# together, and tests/conftest.py says which files begin.
AT_ONCE ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 2)
# Bytecode is kept, whatever the environment says: what each process compiles anew takes as long as many tests.
TEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(AT_ONCE) --dist loadfile --no-loadscope-reorder

AXOLOTL ?= .venv-axolotl

.PHONY: demo test check docs axolotl check-axolotl check-experiment lock clean

demo: $(READY)
	$(BIN)/specmill demo --out out/demo

test: $(READY)
	$(TEST)

docs: $(READY)
	$(BIN)/python -m properdocs build --strict --quiet --clean
	@echo "wrote out/docs/index.html"

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(TEST)

# Everything is pinned with hashes, the build backend too (uv-build, found on the PATH); pip's own settings (index,
# certificates) apply, as everywhere on your machine.
$(READY): requirements.txt requirements-torch.txt pyproject.toml
	@echo "setting up $(VENV): about 2 GB, some minutes; only the first time"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-torch.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation --editable .
	@touch $@

# Axolotl in an environment of its own, whose bin folder belongs on the PATH of `specmill train --run`; 2.6 GB. It pins
# older versions of datasets, huggingface-hub, pydantic and transformers than ours.
axolotl: $(AXOLOTL)/.ready

$(AXOLOTL)/.ready: requirements-axolotl.txt requirements-torch.txt
	test -x $(AXOLOTL)/bin/python || $(PYTHON) -m venv $(AXOLOTL)
	$(AXOLOTL)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-torch.txt
	$(AXOLOTL)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  -r requirements-axolotl.txt
	@touch $@

# What we hand to Axolotl, held against the real one: its schema, its tokens, its updates, a tiny training of both stages.
# Where it is not set up, this says so and passes: `make check check-axolotl` is for CI.
check-axolotl: $(READY)
	@if [ -x $(AXOLOTL)/bin/axolotl ]; then PYTHON=$(BIN)/python tests/train/real/check_axolotl.sh $(AXOLOTL); \
	else echo "no $(AXOLOTL): \`make axolotl\` sets it up; nothing was checked"; fi

# A whole experiment on a tiny model: built, trained, asked, killed twice, tabulated; some minutes.
check-experiment: $(READY)
	rm -rf out/check-experiment && mkdir -p out/check-experiment
	$(BIN)/python -m tests.specmill.experiment.check_experiment out/check-experiment

# Resolve the pins again, within the bounds of pyproject.toml. Needs uv (it comes with the extra `dev`).
lock:
	$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 --python-platform x86_64-unknown-linux-gnu --no-emit-package torch --no-header --no-annotate \
	  $(LOCKFLAGS) --output-file requirements.txt

clean:
	rm -rf $(VENV) out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
