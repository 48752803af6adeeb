# Every target installs what it needs. STACK defaults to the embedded simulation; ARGS go to the command (`make up STACK=prod ARGS=--yes`).
STACK ?= local
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/nautilus
STAMP := $(VENV)/.installed
RUNNER ?=

.PHONY: install up preview destroy test unit lint bench drill ha docs acceptance lock clean help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

# uv where it exists, else the standard library's venv and pip with the same locked versions.
$(STAMP): pyproject.toml uv.lock requirements.lock
	@if command -v uv >/dev/null 2>&1; then \
		uv sync --quiet --locked; \
	else \
		test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .; \
	fi
	@touch $@

install: $(STAMP)

up: $(STAMP) ## bring a stack up (STACK=local: the embedded simulation, no AWS account)
	@$(RUN) up --stack $(STACK) $(ARGS)

preview: $(STAMP) ## show what `up` would change
	@$(RUN) preview --stack $(STACK) $(ARGS)

destroy: $(STAMP) ## unlock the stack, then remove everything in it
	@$(RUN) destroy --stack $(STACK) --unlock $(ARGS)

# A file's tests stay on one worker, and with them its one `up` or its one cluster (xdist's groups are not kept by every pytest).
test: $(STAMP) ## all tests: units, properties, components, policies, then the real engine
	@$(BIN)/python -m nautilus.sandbox.toolchain
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

unit: $(STAMP) ## the quick tests: pieces on mocks, no engine, no whole platform
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not engine and not whole and not ha"

lint: $(STAMP) ## formatting, lint, types
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && $(BIN)/pyright

bench: $(STAMP) ## ratios measured in one run (minutes)
	@$(BIN)/python -m bench

drill: $(STAMP) ## interrupt `up` at random moments: RUNS=20
	@$(BIN)/python -m tests.drills --runs $(or $(RUNS),20)

ha: $(STAMP) ## kill nodes of a real database cluster, measure, restore: RUNS=5 (installs Debian packages, so as root); DOCS=1 writes the figures down
	@$(BIN)/python -m tests.ha --install --runs $(or $(RUNS),5) $(if $(DOCS),--docs)

docs: $(STAMP) ## write the generated pages again
	@$(BIN)/nautilus config docs && $(BIN)/python -m policies.docs && $(BIN)/python -m infra.outputs && $(BIN)/python -m tests.test_docs && $(BIN)/python -m tests.lambdas.test_rollout_replays

acceptance: $(STAMP) ## the unchanged program on another engine runner: RUNNER=path
	@test -n "$(RUNNER)" || { echo "acceptance needs RUNNER=path of the runner" >&2; exit 2; }
	@$(BIN)/python tests/acceptance/run.py $(RUNNER)

lock: ## write both lock files again
	@uv lock --quiet && uv export --quiet --locked --format requirements-txt --no-emit-project --all-groups --no-header -o requirements.lock

clean: ## forget the sandbox's state and caches of this checkout
	rm -rf .nautilus .pytest_cache .ruff_cache .hypothesis
