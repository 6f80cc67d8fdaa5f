# Every command of the project. `make help` lists them; `liteppo --help` lists those of the program that they call.
GRID ?= smoke
PROFILE ?= laptop
PYTHON ?= $(shell command -v python3.11 || command -v python3)

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH := .venv-bench/.ready
PYTEST := $(BIN)/python -m pytest --numprocesses 2
CODE := tricks harness sweeps analysis liteppo tools tests
LITEPPO := $(BIN)/liteppo
optional = $(if $($(1)),'$(2)=$($(1))')

# One thread a process: two runs side by side beat one run on two threads.
export OMP_NUM_THREADS ?= 1
export MLFLOW_DISABLE_TELEMETRY := true
export HF_HUB_DISABLE_TELEMETRY := 1
export RAY_USAGE_STATS_ENABLED := 0
export DS_BUILD_OPS := 0
# Processes start from what the first one compiled, tests too.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup data sweep plan tune eval export difficulty audit ui tables takeaways guide trace figures report tricks replay reference docs export-recipe frameworks peers test test-engines check lint format smoke models bench lock clean test-slow test-all

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## the environment in .venv, from requirements.lock (the other commands call it) [EXTRA=smol|cpu_engines|gpu]

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

ifdef EXTRA
setup: $(VENV)/.ready-$(EXTRA)
endif

$(VENV)/.ready-%: requirements/%.lock $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

data: $(READY) ## build the training tiers, with cards: DATA_DIR=folder, or from the hub
	@$(LITEPPO) data $(OVERRIDES)

sweep: $(READY) ## run a grid, or what is left of it: GRID=norm_ablation [PROFILE=laptop] [FULL=1] [SEEDS=0,1] [TWINS=once] [RAY_ADDRESS=host:port CLUSTER_WAIT=minutes] [MLFLOW_TRACKING_URI=] [CLUSTER=8xH100]
	@$(LITEPPO) sweep grid=$(GRID) profile=$(PROFILE) $(call optional,FULL,full) $(call optional,SEEDS,seeds) $(call optional,TWINS,twins) $(call optional,CLUSTER,cluster)

plan: $(READY) ## what `make sweep` would run, its cost, what it can show; runs nothing: GRID=... [PROFILE=gpu] [CLUSTER=2x8xH100] [EFFECT=0.03]
	@$(LITEPPO) plan grid=$(GRID) profile=$(PROFILE) $(call optional,FULL,full) $(call optional,SEEDS,seeds) $(call optional,TWINS,twins) $(call optional,CLUSTER,cluster) $(call optional,EFFECT,effect)

tune: $(READY) ## a continuous knob for each model, before the grid: GRID=name KNOB=lr [TRIALS=12] [LOW=] [HIGH=] [STEPS=] [SEEDS=1001,1002] [AT=axis=label]
	@$(LITEPPO) tune grid=$(GRID) knob=$(KNOB) profile=$(PROFILE) $(call optional,TRIALS,trials) $(call optional,LOW,low) $(call optional,HIGH,high) $(call optional,STEPS,steps) $(call optional,SEEDS,seeds) $(call optional,AT,at)

eval: $(READY) ## score a model: MODEL=path BENCH=all [K=8] [EVAL=rigorous] [PROBLEMS=20]
	@$(LITEPPO) eval model=$(MODEL) $(call optional,BENCH,bench) $(call optional,K,k) $(call optional,EVAL,eval) $(call optional,PROBLEMS,problems) $(OVERRIDES)

export: $(READY) ## the folder of a run's weights, for make eval MODEL=...: RUN=run id
	@$(LITEPPO) export $(RUN)

export-recipe: $(READY) ## the recipe of a number in a table for another trainer: CELL=norm_ablation.laptop/... TO=verl [VERSION=0.9.1] [FORM=yaml]
	@$(LITEPPO) export $(call optional,CELL,cell) $(call optional,TO,to) $(call optional,VERSION,version) $(call optional,FORM,form) $(OVERRIDES)

frameworks: $(READY) ## what changed between two releases of a framework: FRAMEWORK=trl FROM=0.15.2 [UNTIL=1.16.0] [PRESET=dapo_static]; alone, the known ones
	@$(LITEPPO) frameworks $(call optional,FRAMEWORK,name) $(call optional,FROM,first) $(call optional,UNTIL,second) $(call optional,PRESET,preset)

peers: $(READY) ## for maintainers: run the released frameworks themselves and compare with the recorded numbers: FRAMEWORK=trl [RELEASES="0.22.1 1.16.0"]
	@$(BIN)/python -m tools.peers $(FRAMEWORK) $(RELEASES)

difficulty: $(READY) ## prompts by number correct of K rollouts: MODEL=path [TIER=paper_easy] [K=8] [PROBLEMS=200] [CUT=0.1,0.9]
	@$(LITEPPO) difficulty model=$(MODEL) $(call optional,TIER,tier) $(call optional,K,k) $(call optional,PROBLEMS,problems) $(call optional,CUT,cut) $(OVERRIDES)

audit: $(READY) ## how often the verifier errs, on a labelled set
	@$(BIN)/python -m tools.verifier_audit

ui: $(READY) ## browse runs in MLflow on 127.0.0.1:5000 [PORT=5000]
	@$(LITEPPO) ui $(call optional,PORT,port)

tables: $(READY) ## your results/tables from MLflow: Markdown, CSV, LaTeX
	@$(LITEPPO) tables $(call optional,MIXED,mixed)

takeaways: $(READY) ## the paper's claims judged on all grids: results/tables/takeaways.PROFILE.* (also by `make tables`) [MIXED=1]
	@$(LITEPPO) takeaways $(call optional,MIXED,mixed)

guide: $(READY) ## what to do in a case, and how sure: MODEL=small_base LENGTH=short [REWARDS=concentrated] [ALIGNED=yes] [BUDGET=hours]; alone, a table
	@$(LITEPPO) guide $(call optional,MODEL,model) $(call optional,LENGTH,length) $(call optional,REWARDS,rewards) $(call optional,ALIGNED,aligned) $(call optional,BUDGET,budget) $(if $(filter command environment,$(origin PROFILE)),profile=$(PROFILE))

trace: $(READY) ## from a number in a table to its runs: CELL=p3_std_scope.laptop/small_base,easy,batch/final/accuracy
	@$(LITEPPO) trace $(call optional,CELL,cell)

figures: $(READY) ## your results/figures from MLflow: SVG, PNG
	@$(LITEPPO) figures

report: $(READY) ## one page of plan, verdicts, tables, curves and lineage: results/report.html [GRID=] [PROFILE=] [MIXED=1]
	@$(LITEPPO) report $(if $(filter-out file,$(origin GRID)),grid=$(GRID)) $(if $(filter-out file,$(origin PROFILE)),profile=$(PROFILE)) $(call optional,MIXED,mixed)

tricks: $(READY) ## every trick with its hook, settings and source
	@$(LITEPPO) tricks

replay: $(READY) ## every trick's gradient on one frozen batch: table and heat map [ROLLOUTS=file.json]
	@$(LITEPPO) replay $(call optional,ROLLOUTS,rollouts)

reference: $(READY) ## for maintainers: copy tables and figures of results over results/reference, which the docs cite [GRID=]
	@$(BIN)/python -m tests.reference_results $(if $(filter-out file,$(origin GRID)),grid=$(GRID))

docs: $(READY) ## write the tables of docs/ that the code decides
	@$(BIN)/python -m tests.docs_tables

test: $(READY) ## the tests of every change, a few minutes: all but the marks slow, distributed, engines and gpu
	@$(PYTEST) --dist loadfile --no-loadscope-reorder -m "not (slow or distributed or engines or gpu)"

test-slow: $(READY) ## whole runs at full counts, real Ray clusters, killed drivers and nodes
	@$(PYTEST) --numprocesses 3 --dist loadfile --no-loadscope-reorder --hypothesis-profile thorough -m "(slow or distributed or hypothesis) and not (engines or gpu)"

test-engines: $(READY) $(VENV)/.ready-cpu_engines ## the tests that need vLLM and DeepSpeed, which it installs first
	@$(PYTEST) --numprocesses 3 --dist loadfile --no-loadscope-reorder -m "engines and not gpu"

test-all: ## every tier, one after the other; fails if one of them fails
	@worst=0; for tier in test test-slow test-engines; do \
	  $(MAKE) --no-print-directory $$tier || { code=$$?; test $$code -le $$worst || worst=$$code; }; \
	done; exit $$worst

check: lint test ## format, lint, types, import contracts and tests: what must be green

lint: $(READY)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY) ## write the code in the project's format
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/ruff check --fix $(CODE)

smoke: $(READY) ## the smallest sweep, in under a minute
	@$(MAKE) --no-print-directory sweep GRID=smoke

models: $(READY) ## rebuild the four embedded models and their card (about half an hour)
	@$(BIN)/python -m tools.embedded_models.build --out harness/models/weights --force
	@$(BIN)/python -m tools.embedded_models.card

$(BENCH): requirements/bench.lock
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check -r requirements/bench.lock
	@touch $@

bench: $(READY) $(BENCH) ## timings: step speed against TRL, start-up, tables from 10,000 runs
	@$(BIN)/python -m tests.benchmarks

lock: ## resolve pyproject.toml anew and write requirements.lock
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet -c requirements/exact.txt setuptools $$($(PYTHON) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; print(*(f"\"{d}\"" for d in p["dependencies"] + p["optional-dependencies"]["dev"]))' | tr -d '"' )
	(echo "# The whole environment. Written by 'make lock'; edit pyproject.toml instead."; build/lock/bin/pip freeze --all --exclude pip | sed 's/+cpu$$//') > requirements.lock
	rm -rf build/lock

clean: ## remove caches and the environment; results stay
	rm -rf $(VENV) .venv-bench build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info
