# Two commands do everything on a fresh machine with Python >= 3.11 and git: `make demo` and `make test`.
VENV := .venv
PIP := $(VENV)/bin/pip --quiet --disable-pip-version-check
PYTEST := $(VENV)/bin/pytest
STAMP := $(VENV)/.installed
EVIDENCE := $(VENV)/.evidence
PAGES := $(VENV)/docs
SEEDS ?= 10000
FROM ?= 0
LOAD ?= 20000
ACTS ?= 18
MODELS ?= long
SECONDS ?= 30
WORKERS ?= 2

# Hundreds of processes start in a run of the tests: each would compile every module again. What is compiled is kept
# beside the packages, and not in the tree.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(abspath $(VENV))/.pycache

.DEFAULT_GOAL := help
.PHONY: help setup demo docs test test-long test-controls fuzz mutation unit simulation attacks integration cli coverage check wheel bench lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP) ## install everything into .venv
$(STAMP): requirements.lock requirements-jre.lock pyproject.toml
	tools/setup $(VENV)
	@touch $@

demo: setup ## the main job on a real local Kafka, from start to proof
	$(VENV)/bin/notifier demo

test: setup ## every tier, side by side; prints the time of each
	+tools/lanes "integration" "unit attacks cli simulation"

quick: unit ## what to run after every change: the unit tier, under a minute

# The tests of a module that share a sandbox stay with one worker (loadfile).
unit: setup ## pure code and single parts, with the network cut off
	$(PYTEST) tests/unit tests/typing --disable-socket --allow-unix-socket -n $(WORKERS) --dist worksteal

simulation: setup ## whole systems on the broker in memory
	$(PYTEST) tests/simulation tests/model --disable-socket --allow-unix-socket -n $(WORKERS) --dist worksteal

attacks: setup ## what each attack of docs/explanation/threat-model.md meets, with real keys and the real parts
	$(PYTEST) tests/attacks --disable-socket --allow-unix-socket -n $(WORKERS) --dist worksteal

cli: setup ## every verb, as a user types it
	$(PYTEST) tests/cli -n $(WORKERS) --dist load --maxschedchunk 1 # one by one, in the order of tests/cli/conftest.py

integration: setup ## the real broker, with TLS and ACLs; a real PostgreSQL
	tools/postgresql
	$(PYTEST) tests/integration -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(if $(COVERAGE),--cov --cov-report=)

coverage: setup ## what `make integration COVERAGE=1` reached of the modules that no other tier reaches
	$(VENV)/bin/coverage report

test-long: setup ## many seeds, larger models, and the kill campaign: SEEDS, FROM, MODELS, LOAD and ACTS say which
	$(if $(MODELS),NOTIFIER_LONG=1 $(PYTEST) tests/unit --disable-socket --allow-unix-socket -n $(WORKERS))
	$(if $(MODELS),NOTIFIER_LONG=1 $(PYTEST) tests/model tests/simulation/test_deaths.py tests/attacks/test_41_keys_end.py --timeout=3600 -n $(WORKERS))
	NOTIFIER_SEEDS=$(SEEDS) NOTIFIER_FROM=$(FROM) $(PYTEST) --timeout=3600 \
		tests/simulation/test_schedules.py tests/simulation/test_whole_system.py
	$(if $(MODELS),NOTIFIER_LONG=1) NOTIFIER_LOAD=$(LOAD) NOTIFIER_ACTS=$(ACTS) NOTIFIER_REPORT=campaign.json \
		$(PYTEST) tests/integration/test_campaign.py

test-controls: setup ## take every control away: its attack's test must fail
	$(VENV)/bin/python tests/controls

$(EVIDENCE): requirements-evidence.lock $(STAMP)
	$(PIP) install --require-hashes -r requirements-evidence.lock
	@touch $@

fuzz: $(EVIDENCE) ## every parser, for SECONDS each: none may crash, hang or swell
	$(VENV)/bin/python tests/fuzz --seconds $(SECONDS)

mutation: $(EVIDENCE) ## change the pure core in every way: a test must notice (docs/internals/mutation.md)
	$(VENV)/bin/python tools/mutation.py

check: setup ## style, types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# The builder has an environment of its own: nothing of it is beside what the tests run.
$(PAGES)/.installed: requirements-docs.lock
	python3 -m venv --clear $(PAGES)
	$(PAGES)/bin/pip --quiet --disable-pip-version-check install --require-hashes -r requirements-docs.lock
	@touch $@

docs: $(PAGES)/.installed ## build the pages into build/site, strict, with links checked
	NO_MKDOCS_2_WARNING=1 $(PAGES)/bin/mkdocs build --quiet --strict

wheel: setup ## build the wheel, install it in an empty environment, run the demo from there
	tools/wheel $(VENV)

bench: setup ## measure, side by side with the peers
	$(VENV)/bin/python -m benchmarks

lock: setup ## resolve the lock files anew
	tools/lock $(VENV)

clean: ## remove what make made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
