# make reproduce | smoke | paper | site | verify | report | test | faults | bench | check | gpu-check: each sets up .venv
# by itself. CORES=4 limits the cores; MNIST_ROOT=… and CIFAR10_ROOT=… use data that are there instead of downloading
# them; DEVICE=cuda trains on a GPU. All four are for reproduce, smoke and paper; DEVICE also for gpu-check; TIER=paper is
# for site, verify and report.

SHELL := bash
CORES ?= all
TIER ?= default
# Its `python` alone is called: what else is in there names the place where it was made, and a checkout can be moved.
BIN := .venv/bin
READY := .venv/ready
PEERS := .venv/peers
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
quoted = '$(subst ','\'',$(1))'
OVERRIDES := $(if $(DEVICE),'device=$(DEVICE)') $(if $(MNIST_ROOT),$(call quoted,mnist_root=$(MNIST_ROOT))) \
	$(if $(CIFAR10_ROOT),$(call quoted,cifar10_root=$(CIFAR10_ROOT)))
PIPELINE := $(BIN)/python scripts/run_pipeline.py
OPTIONS := --cores $(CORES) $(if $(strip $(OVERRIDES)),--config $(OVERRIDES))

# Jobs are single-threaded and run side by side.
export OMP_NUM_THREADS := 1
# Of the shell's own settings those stay out that would bring in packages from elsewhere (a cluster's modules set
# PYTHONPATH), install to elsewhere, or draw as a notebook does.
unexport PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX
export PIP_USER := 0
export MPLBACKEND := agg

.PHONY: reproduce smoke paper site verify report artifact test faults bench check slurm-check gpu-check

reproduce: $(READY)
	$(PIPELINE) --tier default $(OPTIONS)

smoke: $(READY)
	$(PIPELINE) --tier smoke $(OPTIONS)

paper: $(READY)
	$(PIPELINE) --tier paper $(OPTIONS)

# Is a finished run what the committed one was, and every file as it was written? TIER=paper: of that tier.
verify: $(READY)
	$(BIN)/python scripts/verify.py --tier $(TIER)

# What a tier has made, as one page that can be sent to somebody: Snakemake's own report.
report: $(READY)
	$(BIN)/python -m snakemake --profile none --configfile config/$(if $(filter default,$(TIER)),config,$(TIER)).yaml \
		$(if $(strip $(OVERRIDES)),--config $(OVERRIDES)) --report results/$(TIER)/report.html

# From what is kept of a tier's run, in seconds.
site: $(READY)
	@$(BIN)/python scripts/make_site.py --tier $(TIER)

artifact: $(READY)
	$(BIN)/python tools/render_artifact.py

test: $(PEERS)
	$(BIN)/python -m pytest -n auto

# Everything that can go wrong, and fifty kills of a slice and of a tier: tens of minutes on two cores. As root it fills
# a small disk as well.
faults: $(READY)
	$(BIN)/python -m pytest tests/faults -n auto --kills $(or $(KILLS),50)

bench: $(PEERS)
	$(BIN)/python benchmarks/bench.py

# On a GPU, about 8 minutes. IMAGES=FILE.safetensors adds the part that needs CIFAR-10; without make, any Python with torch,
# numpy, scipy, pandas and safetensors will do.
gpu-check: $(READY)
	$(BIN)/python benchmarks/gpu_check.py --device $(or $(DEVICE),cuda) $(if $(IMAGES),--images '$(IMAGES)')

# As root, on a machine that is in no cluster.
slurm-check: $(READY)
	$(BIN)/python tools/slurm_check.py

check: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m snakefmt --check Snakefile workflow
	$(BIN)/python -m snakemake --profile none --lint
	$(BIN)/python tools/structure.py
	$(BIN)/python tools/lock.py --check
	$(BIN)/python tools/licences.py --check

# The package is built with the setuptools of the lock, so that where all is installed no network is needed.
$(READY): requirements.lock pyproject.toml
	@test -n '$(PYTHON)' || { echo 'error: no Python 3.11 or newer is on PATH: install one, or say make PYTHON=…' >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

# The libraries that ours is compared with.
$(PEERS): requirements-peers.lock $(READY)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-peers.lock
	touch $@
