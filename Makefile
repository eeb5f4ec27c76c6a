# make demo    set up .venv and train the simulated arm to reach (about 5 minutes)
# make test    set up .venv and run every check
# make setup   set up .venv with the tools for checks, and run nothing; then: . .venv/bin/activate
# make soak    the long loads and kill counts that `make test` runs at a tenth
# make bench   side-by-side measurements, printed as JSON
# make clean   remove what the above made; runs/ stays

PYTHON ?= $(shell for name in python3.11 python3; do $$name -c '' 2>/dev/null && echo $$name && break; done)
LOCAL := . $(patsubst %/pyproject.toml,%,$(wildcard sim_assets/pyproject.toml hardware/pyproject.toml plugins/*/pyproject.toml))
INPUTS := constraints.txt $(addsuffix /pyproject.toml,$(LOCAL))
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

.PHONY: demo test soak bench setup clean

demo: .venv/installed
	$(BIN)/robofeed train reach

test: .venv/installed-dev
	$(BIN)/python scripts/check.py

soak: .venv/installed-dev
	ROBOFEED_SOAK=1 $(BIN)/python -m pytest -m soak --timeout 7200

bench: .venv/installed-dev
	@set -e; for script in $$(grep -l -e --json benchmarks/*.py); do echo "$$script"; $(BIN)/python "$$script" --json; done

setup: .venv/installed-dev

# Every local distribution stands on the one pip line: none of them is in a registry, so pip can
# only resolve one that needs another when it is told of both.
define install
	@test -n "$(PYTHON)" || { echo "No Python found. Install Python 3.11 first."; exit 1; }
	@"$(PYTHON)" scripts/check_python.py
	@echo "Setting up .venv with $(PYTHON) (about 2 minutes; 1.6 GB) ..."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear .venv
	@$(PIP) install -c constraints.txt $(1) $(addprefix -e ,$(filter-out .,$(LOCAL)))
endef

.venv/installed: $(INPUTS)
	$(call install,-e .)
	@touch $@

.venv/installed-dev: $(INPUTS)
	$(call install,-e '.[dev]')
	@touch .venv/installed $@

clean:
	rm -rf .venv build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
