# make run    set everything up, then the default study
# make test   set everything up, then the tests
# make check  set everything up, then all that CI runs: style, types, lint, every test
# Another Python than the first suitable one on the PATH: make run PYTHON=python3.12
.DELETE_ON_ERROR:
.PHONY: run test test-slow check lint format lock clean

VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
CXX_FILES = $(shell git ls-files 'rpi/*.cc' 'rpi/*.h')
PY_FILES = src tests
STUDY ?= config/config.yaml

run: $(VENV)/ready
	snakemake --cores 8 all --configfile $(STUDY)

test: $(VENV)/ready
	pytest -q -m "not slow"
	scons -Q -C rpi test

test-slow: $(VENV)/ready
	pytest -q -m slow

check: lint test test-slow

lint: $(VENV)/ready
	ruff check $(PY_FILES)
	ruff format --check $(PY_FILES)
	mypy
	deptry src
	snakefmt --check Snakefile workflow
	snakemake --lint
	clang-format --dry-run --Werror $(CXX_FILES)

format: $(VENV)/ready
	ruff check --fix $(PY_FILES)
	ruff format $(PY_FILES)
	snakefmt Snakefile workflow
	clang-format -i $(CXX_FILES)

# The environment: locked and hashed, the same for every Python from 3.11 to 3.13.
$(VENV)/ready: requirements.lock pyproject.toml
	@python=$(PYTHON); for p in python3 python3.13 python3.12 python3.11; do \
	  [ -n "$$python" ] && break; \
	  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && python=$$p; done; \
	[ -n "$$python" ] || { echo "edgebnn needs Python 3.11, 3.12 or 3.13 on the PATH" >&2; exit 1; }; \
	echo "setting up $(VENV) with $$($$python --version); a few minutes, once"; \
	$$python -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q --require-hashes -r requirements.lock
	$(VENV)/bin/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

lock: $(VENV)/ready
	uv pip compile -q --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	  --no-header --extra dev --upgrade pyproject.toml -o requirements.lock

clean:
	rm -rf build results .snakemake
