VENV := .venv
NOTIFIER := $(VENV)/bin/notifier
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.PHONY: setup check
setup: $(STAMP)
$(STAMP): requirements.lock pyproject.toml
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
check: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
