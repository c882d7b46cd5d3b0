# make demo   set up and audit the bundled sequence      make test   everything CI checks
# make lab    open the notebooks                         make quick  all but the slow tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLD := .venv-pandas2
INSTALL := python .ci/install.py
PYTEST := python -m pytest -q
EVERY_CORE := -n auto --dist worksteal
QUICK := not slow and not browser and not fuzz
# Two things at once, of which one mostly waits: for a disk, the network, a browser.
BOTH := $(MAKE) --no-print-directory --jobs=2
export MPLBACKEND := Agg
export OMP_NUM_THREADS := 1

.PHONY: demo test quick lab lint test-browser test-pandas2 check-python clean
.DEFAULT_GOAL := demo

check-python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "Python 3.11 or later is missing: install it, or name it with make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old; annotaudit needs Python 3.11 or later: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing; on Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }

$(BIN)/.made: | check-python
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

$(BIN)/.demo: pyproject.toml $(BIN)/.made
	@echo "Setting up $(VENV) ..."
	@$(BIN)/$(INSTALL) -e . && touch $@

$(BIN)/.lab: pyproject.toml $(BIN)/.made
	@echo "Setting up $(VENV) with JupyterLab ..."
	@$(BIN)/$(INSTALL) -e ".[notebook]" && touch $@ $(BIN)/.demo

$(BIN)/.dev: pyproject.toml $(BIN)/.made
	@echo "Setting up $(VENV) with the test tools ..."
	@$(BIN)/$(INSTALL) -e ".[dev]" && touch $@ $(BIN)/.lab $(BIN)/.demo

$(OLD)/bin/.made: pyproject.toml | check-python
	@echo "Setting up $(OLD) with pandas 2.2 ..."
	@test -x $(OLD)/bin/python || $(PYTHON) -m venv $(OLD)
	@$(OLD)/bin/$(INSTALL) -e ".[test]" "pandas==2.2.*"
	@touch $@

demo: $(BIN)/.demo
	@$(BIN)/annotaudit demo

lab: $(BIN)/.lab
	@$(BIN)/jupyter lab notebooks

lint: $(BIN)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

quick: $(BIN)/.dev
	@$(BIN)/$(PYTEST) $(EVERY_CORE) -m "$(QUICK)"

# make test TORCH=2.13.0 tests the neural networks, too; without torch their tests are skipped.
$(BIN)/.torch-%: $(BIN)/.dev
	@echo "Installing torch $* ..."
	@$(BIN)/$(INSTALL) torch==$* && touch $@

test:
	@$(BOTH) lint $(OLD)/bin/.made $(TORCH:%=$(BIN)/.torch-%)
	@$(BIN)/$(PYTEST) $(EVERY_CORE) -m "not browser"
	@$(BOTH) $(if $(filter output-sync,$(.FEATURES)),--output-sync) test-browser test-pandas2

# Browsers are driven one at a time: two at once on a small machine wait for each other.
test-browser: $(BIN)/.dev
	@$(BIN)/$(PYTEST) -m browser

# What may differ with another pandas: neither what goes over HTTP nor the thin command line.
test-pandas2: $(OLD)/bin/.made
	@$(OLD)/bin/$(PYTEST) $(EVERY_CORE) -m "$(QUICK) and not http" --ignore=tests/cli

clean:
	rm -rf $(VENV) $(OLD)
