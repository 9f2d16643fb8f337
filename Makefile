# make run        the default study
# make quick      within a minute: style, types, and the tests that need neither TensorFlow, MLflow nor the trainer
# make test       within minutes: every test but the slow ones; the trainer is built and its unit tests run
# make test-slow  the slow tests: the workflow, the boards under qemu, the report in a browser
# make lint       style, types and what else reads the code without running it
# make check      all that CI runs: lint, test, test-slow
# make format     settles style
# make bench      what a training step takes, beside Keras and PyTorch; BENCH="--only mlp --ours", and BENCH=--help for more
# make bench-arm  what a training step takes on Raspberry Pis, counted and estimated without one; BENCH=... as well
# make bench-emulation  what a step of the emulation takes, beside larq's layers; BENCH=... as well
# make curves     whether the trainer's loss on CIFAR-10 falls as the emulation's does, over 300 steps; BENCH=... as well
# make switches   the ablation and the choices on MNIST, and their tables in docs/switches.md: forty minutes on two cores
# make docs       the documents as a site in build/site, all links checked; reference pages are made from the code
# make fuzz       made-up files for what the trainer reads, each kind for so long: make fuzz SECONDS=300
# make faults     300 faults over 60 jobs on 8 boards of this machine; FAULTS="--faults 30 --jobs 8 --boards 3", or --servers built-in
# make scale      500 boards and 5,000 jobs in simulated time; SCALE="--boards 50 --jobs 400 --seed 1"
# Each sets up what it needs. Tests run on three workers, as they often wait: make test WORKERS=8 for more.
# Another Python than the first suitable one on the PATH: make run PYTHON=python3.12
ifneq (,$(or $(findstring :,$(CURDIR)),$(findstring {,$(CURDIR)),$(findstring },$(CURDIR))))
$(error '$(CURDIR)': rename this folder, or move it: ':' ends a name in PATH, Snakemake reads braces as wildcards)
endif
.DELETE_ON_ERROR:
.PHONY: docs run quick test test-slow check lint format switches bench bench-arm bench-emulation curves lock faults scale fuzz clean

VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
CXX_FILES = $(shell git ls-files 'rpi/*.cc' 'rpi/*.h')
PY_FILES = src tests
STUDY ?= config/config.yaml
WORKERS ?= 3
TARGETS ?= native
PYTEST = pytest -q -n $(WORKERS) --dist worksteal

run: $(VENV)/ready
	snakemake --cores 8 all --configfile $(STUDY)

quick: $(VENV)/ready
	ruff check $(PY_FILES)
	ruff format --check $(PY_FILES)
	mypy
	$(PYTEST) -m "not heavy and not slow"

test: $(VENV)/ready
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/ready
	$(PYTEST) -m slow

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

bench: $(VENV)/ready
	python -m edgebnn.bench $(BENCH)

bench-arm: $(VENV)/ready
	python -m edgebnn.bench.arm $(BENCH)

bench-emulation: $(VENV)/ready
	python -m edgebnn.bench.emulation $(BENCH)

curves: $(VENV)/ready
	python -m edgebnn.bench.curves $(BENCH)

switches: $(VENV)/ready
	for study in ablation choices; do \
	  snakemake --cores 8 all --configfile config/$$study.yaml && \
	  edgebnn report --plan results/plan.json --output results/report/index.html --document docs/switches.md || exit 1; \
	done

# The documents keep their places, so that their links are the repository's.
docs: $(VENV)/ready
	python -m edgebnn.reference docs/reference
	rm -rf build/docs && mkdir -p build/docs
	git ls-files -co --exclude-standard -- README.md CONTRIBUTING.md CHANGELOG.md LICENSE docs config profiles | xargs cp --parents -t build/docs
	mv build/docs/README.md build/docs/index.md
	zensical build --strict --clean

# What is found lies in build/address/found/: a file that breaks the trainer, and those that reach new code.
faults: $(VENV)/ready
	python -m tests.farm.campaign $(FAULTS)

scale: $(VENV)/ready
	python -m tests.farm.simulated $(SCALE)

fuzz: SECONDS ?= 60
fuzz: $(VENV)/ready
	scons -Q -C rpi SANITIZE=address fuzz
	for name in $(notdir $(wildcard rpi/fuzz/corpus/*)); do \
	  mkdir -p build/address/found/$$name && ASAN_OPTIONS=quarantine_size_mb=64 build/address/fuzz/$$name \
	    -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=512 -malloc_limit_mb=512 -max_len=4096 \
	    -artifact_prefix=build/address/found/$$name- build/address/found/$$name rpi/fuzz/corpus/$$name || exit 1; \
	done

# The environment: locked and hashed, the same for every Python from 3.11 to 3.13. uv, itself from the lock, is
# several times as fast as pip; where it finds no way to the packages (an index that only pip knows of), pip goes.
$(VENV)/ready: requirements.lock pyproject.toml
	@python=$(PYTHON); for p in python3 python3.13 python3.12 python3.11; do \
	  [ -n "$$python" ] && break; \
	  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && python=$$p; done; \
	[ -n "$$python" ] || { echo "edgebnn needs Python 3.11, 3.12 or 3.13 on the PATH" >&2; exit 1; }; \
	echo "setting up $(VENV) with $$($$python --version); a few minutes, once"; \
	$$python -m venv $(VENV)
	awk '/^[a-zA-Z0-9]/ {of_uv = /^uv==/} of_uv' requirements.lock > $(VENV)/uv.lock
	$(VENV)/bin/python -m pip install -q --require-hashes -r $(VENV)/uv.lock
	$(VENV)/bin/uv pip install -q --python $(VENV)/bin/python --require-hashes -r requirements.lock \
	  || $(VENV)/bin/python -m pip install -q --require-hashes -r requirements.lock
	$(VENV)/bin/python -m pip install -q --no-deps --no-build-isolation -e .
	@echo "making the C++ library that the trainer's compiler links ($(TARGETS)), and Python's bytecode;" \
	  "two minutes, once"
	@$(VENV)/bin/python -m compileall -qq $(VENV)/lib & \
	for target in $(TARGETS); do $(VENV)/bin/scons -s -C rpi TARGET=$$target libraries & done; wait
	@touch $@

lock: $(VENV)/ready
	uv pip compile -q --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	  --no-header --extra dev --upgrade pyproject.toml -o requirements.lock

clean:
	rm -rf build results .snakemake $(VENV)/share/zig/made
