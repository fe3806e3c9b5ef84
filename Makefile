# All commands of this repository; `make help` lists them.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Use the machine's uv if there is one; otherwise install it from PyPI into .cache.
UV := $(or $(shell command -v uv 2>/dev/null),.cache/uv/bin/uv)
export UV_PYTHON_DOWNLOADS := never
# Tests and benchmarks start hundreds of processes; let them reuse compiled modules.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo airflow dagster targets test lint types pytest coverage fuzz mutation snapshot plugins matrix bench bench-account bench-reports bench-warehouse chaos audit docs docs-pages docs-serve build install-check image lowest sbom lock clean try-airflow

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 15

# Its environments are independent, and installing them is mostly waiting.
demo:  ## Load the sandbox's data into PostgreSQL with Meltano, model it with dbt, and draw it
	@$(MAKE) --no-print-directory --jobs=3 $(VENV)/demo.stamp .meltano/plugins.stamp .cache/dbt/stamp
	@$(BIN)/python examples/demo.py

airflow: $(VENV)/demo.stamp .meltano/plugins.stamp .cache/airflow/stamp  ## Open Airflow, which reads the sandbox (examples/airflow)
	@$(BIN)/python examples/airflow_dev.py

dagster: $(VENV)/demo.stamp .meltano/plugins.stamp .cache/dagster/stamp  ## Open Dagster, which reads the sandbox day by day (examples/dagster)
	@$(BIN)/python examples/dagster_dev.py

targets: $(VENV)/dev.stamp .cache/targets/stamp  ## Pipe the tap into real targets and check what lands; writes docs/targets.md (1 minute)
	PYTHONPATH=examples $(BIN)/python tools/targets.py

# Tests go first because they take longest. The output of each step stays together.
test:  ## Run all checks and tests in parallel (2 to 5 minutes)
	@echo "The output of each step appears when it is done; the tests take some minutes."
	@$(MAKE) --no-print-directory --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) \
		pytest lint types build docs \
		|| { echo "A step failed: look for *** above" >&2; exit 1; }

lint: $(VENV)/dev.stamp  ## Check style, workflows, and Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml examples/ci/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --quiet --offline --persona=pedantic .github
	$(BIN)/zizmor --quiet --offline examples/ci/github.yml
	$(BIN)/hadolint Dockerfile examples/kubernetes/Dockerfile

types: $(VENV)/dev.stamp  ## Check types
	$(BIN)/mypy
	$(BIN)/ty check

PACKAGE = .cache/package/bin

build: .cache/package/stamp  ## Build the package into dist/, check it, and run it
	rm -rf dist
	$(UV) build --quiet --no-create-gitignore --build-constraints requirements/build.txt
	$(PACKAGE)/twine check --strict dist/*
	$(PACKAGE)/check-wheel-contents dist/*.whl
	UV=$(UV) $(PACKAGE)/python tools/install_check.py dist/*.whl uv

install-check: build  ## Also install the package with pip and pipx, and run it
	$(PACKAGE)/python tools/install_check.py dist/*.whl pip pipx

image:  ## Build the container images tap-kayzen and kayzen-sandbox
	docker build --quiet --tag tap-kayzen .
	docker build --quiet --tag kayzen-sandbox --target sandbox .

pytest: $(VENV)/dev.stamp .meltano/plugins.stamp try-airflow .cache/dagster/stamp .cache/dbt/stamp .cache/targets/stamp  ## Run all tests, including those with Meltano and PostgreSQL
	$(BIN)/pytest --numprocesses=auto --dist=loadgroup tests/e2e tests/contract tests/unit

coverage: $(VENV)/dev.stamp  ## Measure the quick tests' coverage of the tap; fails below 95% (10 minutes)
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest tests/unit tests/contract
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Ten runs of 2,000, not one of 20,000: Hypothesis keeps all examples in memory.
fuzz: $(VENV)/dev.stamp  ## Test reading and writing records with 20,000 hostile responses (7 minutes)
	for seed in 1 2 3 4 5 6 7 8 9 10; do \
		$(BIN)/pytest --quiet tests/unit/records/test_hostile.py --hypothesis-profile=long \
			--hypothesis-seed=$$seed || exit 1; \
	done

mutation: $(VENV)/dev.stamp  ## Measure how many mutants of the core the tests catch (1 hour)
	rm -rf mutants
	$(BIN)/mutmut run --max-children 3
	$(BIN)/python tools/mutation.py

snapshot: $(VENV)/dev.stamp  ## Update the snapshots of the catalog and the sandbox's data
	$(BIN)/pytest tests/unit/project/test_catalog.py tests/unit/sandbox/test_dataset.py --snapshot-update

plugins: $(VENV)/dev.stamp .cache/targets/stamp  ## Generate the plugin definitions for Meltano in plugins/
	$(BIN)/python tools/plugin_definitions.py

# Include all pyenv interpreters, activated or not.
SPACE := $(subst ,, )
PYENV = $(subst $(SPACE),,$(patsubst %,:%,$(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/*/bin)))

matrix: $(VENV)/dev.stamp  ## Run the quick tests on every installed Python
	PATH="$$PATH$(PYENV)" $(BIN)/tox run

# Install in one step: packages already installed would not be downgraded.
lowest: | $(UV)  ## Run the quick tests on Python 3.10 with the oldest supported dependencies (6 minutes)
	PATH="$$PATH$(PYENV)" $(UV) venv --quiet --clear --python 3.10 .cache/lowest
	$(UV) pip install --quiet --python .cache/lowest/bin/python --resolution lowest-direct \
		--build-constraints requirements/build.txt --group test -e '.[sandbox]'
	.cache/lowest/bin/pytest --numprocesses=auto tests/unit tests/contract

bench: $(VENV)/demo.stamp .cache/bench/stamp  ## Benchmark the tap against its peers; writes benchmarks/README.md (20 minutes)
	.cache/bench/bin/python benchmarks/run.py

bench-reports: $(VENV)/demo.stamp .cache/bench/stamp  ## Benchmark reading reports; writes benchmarks/reports.md (2 minutes)
	.cache/bench/bin/python benchmarks/reports.py

bench-account: $(VENV)/demo.stamp .cache/bench/stamp  ## Benchmark a usual account on a distant server; writes benchmarks/usual_account.md (1 minute)
	.cache/bench/bin/python benchmarks/usual_account.py

# Smaller sizes print the tables only: SIZES="--campaigns 1000 --days 30 --large 2000".
bench-warehouse: $(VENV)/demo.stamp .cache/bench/stamp .cache/targets/stamp  ## Benchmark the whole way into PostgreSQL; writes benchmarks/warehouse.md (40 minutes)
	.cache/bench/bin/python benchmarks/warehouse.py $(SIZES)

RUNS ?= 1000
SEED ?= 1

chaos: $(VENV)/dev.stamp  ## Run the tap RUNS times (1000) against faults and kills, starting at SEED (10 minutes)
	$(BIN)/python tools/chaos.py $(RUNS) --first $(SEED)

audit: $(VENV)/dev.stamp  ## Check the locked packages for known vulnerabilities on PyPI
	for lock in requirements/*.txt; do \
		$(BIN)/pip-audit --disable-pip --require-hashes --progress-spinner off -r $$lock || exit 1; \
	done

# No `--output-reproducible`: actions/attest rejects SBOMs without a serial number.
sbom: build  ## Write the SBOM of the locked tap to build/tap-kayzen.cdx.json (CycloneDX)
	mkdir -p build
	$(UV) venv --quiet --clear --python "$$(command -v $(PYTHON))" .cache/sbom
	$(UV) pip install --quiet --python .cache/sbom/bin/python -r requirements/tap.txt
	$(PACKAGE)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
		-o build/tap-kayzen.cdx.json .cache/sbom/bin/python

docs: $(VENV)/dev.stamp  ## Build the docs site into .cache/site; fails on dead links
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: $(VENV)/dev.stamp  ## Serve the docs on http://127.0.0.1:8000, with live reload
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

docs-pages: $(VENV)/dev.stamp  ## Regenerate the tables of settings, streams, and columns in docs/
	$(BIN)/python tools/docs_pages.py

LOCK = $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --python-version 3.10 --no-annotate \
	--custom-compile-command "make lock" $(UPGRADE)

# Why each lock is separate:
# - dev: everything that developers run in .venv; `make demo` installs part of it.
# - tap, sandbox: all that Meltano and the container images install.
# - build: uv and hatchling, which install and build everything else.
# - airflow: needs its own versions of most packages.
# - examples: dbt holds back packages that mypy and the tests need.
# - package: slows down every import of jsonschema; see pyproject.toml.
# - targets: hold back psycopg.
# - benchmark: airbyte-cdk holds back python-dateutil.
lock: $(UV)  ## Regenerate requirements/; UPGRADE=--upgrade takes newer releases
	$(LOCK) pyproject.toml --extra sandbox --group dev -o requirements/dev.txt
	$(LOCK) pyproject.toml -c requirements/dev.txt -o requirements/tap.txt
	$(LOCK) pyproject.toml --extra sandbox -c requirements/dev.txt -o requirements/sandbox.txt
	$(LOCK) pyproject.toml --group benchmark -c requirements/tap.txt -o requirements/benchmark.txt
	$(LOCK) --group build -c requirements/dev.txt -o requirements/build.txt
	$(LOCK) --group airflow -o requirements/airflow.txt
	$(LOCK) --group dagster --group dbt -o requirements/examples.txt
	$(LOCK) --group package -o requirements/package.txt
	$(LOCK) --group targets -o requirements/targets.txt

clean:  ## Remove everything that was installed or built here
	rm -rf $(VENV) .cache .hypothesis .meltano .mypy_cache .pytest_cache .ruff_cache .tox .coverage .coverage.* build dist mutants output

.cache/uv/bin/uv: requirements/build.txt
	$(PYTHON) -m venv .cache/uv
	.cache/uv/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r requirements/build.txt
	@touch $@

$(BIN)/python: | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer, please: make PYTHON=python3.x" if sys.version_info < (3, 10) else 0)'
	$(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(VENV)

define new_environment
rm -rf $(@D)
$(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(@D)
$(UV) pip install --quiet --python $(@D)/bin/python
endef

.cache/bench/stamp: requirements/benchmark.txt pyproject.toml | $(UV)
	$(new_environment) --build-constraints requirements/build.txt -r $< -e .
	@touch $@

.cache/airflow/stamp .cache/package/stamp .cache/targets/stamp: .cache/%/stamp: requirements/%.txt | $(UV)
	$(new_environment) -r $<
	@touch $@

# Airflow supports fewer platforms than the tap. Without it, its tests are skipped.
try-airflow: | $(UV)
	@$(MAKE) --no-print-directory .cache/airflow/stamp \
		|| { rm -rf .cache/airflow; echo "No Airflow here: its tests will be skipped" >&2; }

# Install one of the lock's groups; hashes in constraints are checked too.
.cache/dagster/stamp .cache/dbt/stamp: .cache/%/stamp: requirements/examples.txt | $(UV)
	$(new_environment) -c $< --group $*
	@touch $@

# Meltano does not notice changes to a lock.
.meltano/plugins.stamp: requirements/tap.txt requirements/targets.txt | $(VENV)/demo.stamp
	rm -rf .meltano/extractors .meltano/loaders
	$(BIN)/meltano --log-level=warning install
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(VENV)/demo.stamp
	$(UV) pip install --quiet --python $(BIN)/python \
		--build-constraints requirements/build.txt -r $< -e .
	@touch $@

$(VENV)/demo.stamp: requirements/dev.txt pyproject.toml | $(BIN)/python $(UV)
	$(UV) pip install --quiet --python $(BIN)/python \
		--build-constraints requirements/build.txt -c $< --group demo -e '.[sandbox]'
	@touch $@
