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
.PHONY: help help-all demo airflow dagster targets test lint types pytest coverage fuzz mutation snapshot plugins matrix bench bench-account bench-reports bench-warehouse chaos audit docs docs-pages pictures docs-serve build install-check image lowest sbom lock clean try-airflow

# `## group: ...` describes a command; `##+ group: ...` one that few people need.
help:  ## use: Show this list
	@awk -v all=0 -f tools/help.awk $(MAKEFILE_LIST)

help-all:  ## use: Show all commands
	@awk -v all=1 -f tools/help.awk $(MAKEFILE_LIST)

# Its environments are independent, and installing them is mostly waiting.
demo:  ## use: Load the sandbox's data into PostgreSQL with Meltano, model it with dbt, and draw it
	@test -e .cache/dbt/stamp || echo "Installing Meltano, PostgreSQL, and dbt into .venv, .meltano, and .cache, once."
	@$(MAKE) --silent --no-print-directory --jobs=3 $(VENV)/demo.stamp .meltano/plugins.stamp .cache/dbt/stamp
	@$(BIN)/python examples/demo.py $(addprefix --today=,$(TODAY))

airflow: $(VENV)/demo.stamp .meltano/plugins.stamp .cache/airflow/stamp  ## use: Open Airflow, which reads the sandbox (examples/airflow)
	@$(BIN)/python examples/airflow_dev.py

dagster: $(VENV)/demo.stamp .meltano/plugins.stamp .cache/dagster/stamp  ## use: Open Dagster, which reads the sandbox day by day (examples/dagster)
	@$(BIN)/python examples/dagster_dev.py

targets: $(VENV)/dev.stamp .cache/targets/stamp  ##+ measure: Pipe the tap into real targets and check what lands; writes docs/targets.md (1 minute)
	PYTHONPATH=examples $(BIN)/python tools/targets.py

# Tests go first because they take longest. The output of each step stays together.
test:  ## develop: Run all checks and tests in parallel (6 minutes on 2 cores)
	@echo "The output of each step appears when it is done; the tests take some minutes."
	@$(MAKE) --no-print-directory --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) \
		pytest lint types build docs \
		|| { echo "A step failed: look for *** above" >&2; exit 1; }

lint: $(VENV)/dev.stamp  ## develop: Check code style, wording, workflows, and Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache --no-logo
	git ls-files -z | xargs -0 $(BIN)/codespell
	$(BIN)/python tools/style_check.py
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml examples/ci/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml
	$(BIN)/zizmor --quiet --offline --persona=pedantic .github
	$(BIN)/zizmor --quiet --offline examples/ci/github.yml
	$(BIN)/hadolint tools/container/Dockerfile examples/kubernetes/Dockerfile

types: $(VENV)/dev.stamp  ##+ develop: Check types
	$(BIN)/mypy
	$(BIN)/ty check

PACKAGE = .cache/package/bin

build: .cache/package/stamp  ## release: Build the package into dist/, check it, and run it
	rm -rf dist
	$(UV) build --quiet --no-create-gitignore --build-constraints tools/requirements/build.txt
	$(PACKAGE)/twine check --strict dist/*
	$(PACKAGE)/check-wheel-contents dist/*.whl
	UV=$(UV) $(PACKAGE)/python tools/install_check.py dist/*.whl uv

install-check: build  ##+ release: Also install the package with pip and pipx, and run it
	$(PACKAGE)/python tools/install_check.py dist/*.whl pip pipx

image:  ##+ use: Build the container images tap-kayzen and kayzen-sandbox
	docker build --quiet --file tools/container/Dockerfile --tag tap-kayzen .
	docker build --quiet --file tools/container/Dockerfile --tag kayzen-sandbox --target sandbox .

pytest: $(VENV)/dev.stamp .meltano/plugins.stamp try-airflow .cache/dagster/stamp .cache/dbt/stamp .cache/targets/stamp  ## develop: Run all tests, including those with Meltano and PostgreSQL
	$(BIN)/pytest --numprocesses=auto --dist=loadgroup tests/e2e tests/contract tests/unit

coverage: $(VENV)/dev.stamp  ##+ measure: Measure the quick tests' coverage of the tap; fails below 95% (10 minutes)
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest tests/unit tests/contract
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Ten runs of 2,000, not one of 20,000: Hypothesis keeps all examples in memory.
fuzz: $(VENV)/dev.stamp  ##+ measure: Test reading and writing records with 20,000 hostile responses (7 minutes)
	for seed in 1 2 3 4 5 6 7 8 9 10; do \
		$(BIN)/pytest --quiet tests/unit/records/test_hostile.py --hypothesis-profile=long \
			--hypothesis-seed=$$seed || exit 1; \
	done

mutation: $(VENV)/dev.stamp  ##+ measure: Measure how many mutants of the core the tests catch (1 hour)
	rm -rf mutants
	$(BIN)/mutmut run --max-children 3
	$(BIN)/python tools/mutation.py

snapshot: $(VENV)/dev.stamp  ##+ develop: Update the snapshots of the catalog, the sandbox's data, and the cookbook's results
	$(BIN)/pytest tests/unit/project/test_catalog.py tests/unit/project/test_cookbook.py \
		tests/unit/sandbox/test_dataset.py --snapshot-update

plugins: $(VENV)/dev.stamp .cache/targets/stamp  ##+ develop: Generate the plugin definitions for Meltano in plugins/
	$(BIN)/python tools/plugin_definitions.py

# Include all pyenv interpreters, activated or not.
SPACE := $(subst ,, )
PYENV = $(subst $(SPACE),,$(patsubst %,:%,$(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/*/bin)))

matrix: $(VENV)/dev.stamp  ##+ measure: Run the quick tests on every installed Python
	PATH="$$PATH$(PYENV)" $(BIN)/tox run

# Install in one step: packages already installed would not be downgraded.
lowest: | $(UV)  ##+ measure: Run the quick tests on Python 3.10 with the oldest supported dependencies (6 minutes)
	PATH="$$PATH$(PYENV)" $(UV) venv --quiet --clear --python 3.10 .cache/lowest
	$(UV) pip install --quiet --python .cache/lowest/bin/python --resolution lowest-direct \
		--build-constraints tools/requirements/build.txt --group test -e '.[sandbox]'
	.cache/lowest/bin/pytest --numprocesses=auto tests/unit tests/contract

bench: $(VENV)/demo.stamp .cache/bench/stamp  ## measure: Benchmark the tap against its peers; writes tools/benchmarks/README.md (20 minutes)
	.cache/bench/bin/python tools/benchmarks/run.py

bench-reports: $(VENV)/demo.stamp .cache/bench/stamp  ##+ measure: Benchmark reading reports; writes tools/benchmarks/reports.md (2 minutes)
	.cache/bench/bin/python tools/benchmarks/reports.py

bench-account: $(VENV)/demo.stamp .cache/bench/stamp  ##+ measure: Benchmark a usual account on a distant server; writes tools/benchmarks/usual_account.md (1 minute)
	.cache/bench/bin/python tools/benchmarks/usual_account.py

# Smaller sizes print the tables only: SIZES="--campaigns 1000 --days 30 --large 2000".
bench-warehouse: $(VENV)/demo.stamp .cache/bench/stamp .cache/targets/stamp  ##+ measure: Benchmark the whole way into PostgreSQL; writes tools/benchmarks/warehouse.md (40 minutes)
	.cache/bench/bin/python tools/benchmarks/warehouse.py $(SIZES)

RUNS ?= 1000
SEED ?= 1

chaos: $(VENV)/dev.stamp  ## measure: Run the tap RUNS times (1000) against faults and kills, starting at SEED (10 minutes)
	$(BIN)/python tools/chaos.py $(RUNS) --first $(SEED)

audit: $(VENV)/dev.stamp  ## release: Check the locked packages for known vulnerabilities on PyPI
	for lock in tools/requirements/*.txt; do \
		$(BIN)/pip-audit --disable-pip --require-hashes --progress-spinner off -r $$lock || exit 1; \
	done

# No `--output-reproducible`: actions/attest rejects SBOMs without a serial number.
sbom: build  ##+ release: Write the SBOM of the locked tap to build/tap-kayzen.cdx.json (CycloneDX)
	mkdir -p build
	$(UV) venv --quiet --clear --python "$$(command -v $(PYTHON))" .cache/sbom
	$(UV) pip install --quiet --python .cache/sbom/bin/python -r tools/requirements/tap.txt
	$(PACKAGE)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
		-o build/tap-kayzen.cdx.json .cache/sbom/bin/python

docs: $(VENV)/dev.stamp  ## develop: Build the docs site into .cache/site; fails on dead links
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --config-file tools/mkdocs.yml

docs-serve: $(VENV)/dev.stamp  ##+ develop: Serve the docs on http://127.0.0.1:8000, with live reload
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --config-file tools/mkdocs.yml

docs-pages: $(VENV)/dev.stamp  ##+ develop: Regenerate tables, messages, and diagrams in docs/, and the staging models of examples/dbt
	$(BIN)/python tools/docs_pages.py
	$(BIN)/python tools/stream_diagram.py
	$(BIN)/python tools/dbt_package.py

# A fixed day, so that only the seconds differ.
pictures: $(VENV)/demo.stamp .meltano/plugins.stamp .cache/dbt/stamp  ##+ develop: Record the demo in docs/first-minute.svg and draw docs/demo.svg (1 minute)
	$(BIN)/python tools/record_terminal.py --shown 'make demo' docs/first-minute.svg make demo TODAY=2026-11-02
	cp output/spend_and_installs.svg docs/demo.svg

LOCK = $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --python-version 3.10 --no-annotate \
	--custom-compile-command "make lock" $(UPGRADE)

# Why each lock is separate:
# - dev: everything that developers run in .venv; `make demo` installs part of it.
# - tap, sandbox: all that Meltano and the container images install.
# - build: uv and hatchling, which install and build everything else.
# - airflow: needs its own versions of most packages.
# - examples, dbt: hold back packages that mypy and the tests need.
# - package: slows down every import of jsonschema; see pyproject.toml.
# - targets: hold back psycopg.
# - benchmark: airbyte-cdk holds back python-dateutil.
lock: $(UV)  ##+ develop: Regenerate tools/requirements/; UPGRADE=--upgrade takes newer releases
	$(LOCK) pyproject.toml --extra sandbox --group dev -o tools/requirements/dev.txt
	$(LOCK) pyproject.toml -c tools/requirements/dev.txt -o tools/requirements/tap.txt
	$(LOCK) pyproject.toml --extra sandbox -c tools/requirements/dev.txt -o tools/requirements/sandbox.txt
	$(LOCK) pyproject.toml --group benchmark -c tools/requirements/tap.txt -o tools/requirements/benchmark.txt
	$(LOCK) --group build -c tools/requirements/dev.txt -o tools/requirements/build.txt
	$(LOCK) --group airflow -o tools/requirements/airflow.txt
	$(LOCK) --group dagster -o tools/requirements/examples.txt
	$(LOCK) --group dbt -o tools/requirements/dbt.txt
	$(LOCK) --group package -o tools/requirements/package.txt
	$(LOCK) --group targets -o tools/requirements/targets.txt

clean:  ## develop: Remove everything that was installed or built here
	rm -rf $(VENV) .cache .hypothesis .meltano .mypy_cache .pytest_cache .ruff_cache .tox .coverage .coverage.* build dist mutants output

.cache/uv/bin/uv: tools/requirements/build.txt
	$(PYTHON) -m venv .cache/uv
	.cache/uv/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r tools/requirements/build.txt
	@touch $@

$(BIN)/python: | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer, please: make PYTHON=python3.x" if sys.version_info < (3, 10) else 0)'
	$(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(VENV)

define new_environment
rm -rf $(@D)
$(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(@D)
$(UV) pip install --quiet --python $(@D)/bin/python
endef

.cache/bench/stamp: tools/requirements/benchmark.txt pyproject.toml | $(UV)
	$(new_environment) --build-constraints tools/requirements/build.txt -r $< -e .
	@touch $@

.cache/airflow/stamp .cache/dbt/stamp .cache/package/stamp .cache/targets/stamp: .cache/%/stamp: tools/requirements/%.txt | $(UV)
	$(new_environment) -r $<
	@touch $@

# Airflow supports fewer platforms than the tap. Without it, its tests are skipped.
try-airflow: | $(UV)
	@$(MAKE) --no-print-directory .cache/airflow/stamp \
		|| { rm -rf .cache/airflow; echo "No Airflow here: its tests will be skipped" >&2; }

# Install one of the lock's groups; hashes in constraints are checked too.
.cache/dagster/stamp: .cache/%/stamp: tools/requirements/examples.txt | $(UV)
	$(new_environment) -c $< --group $*
	@touch $@

# Meltano does not notice changes to a lock.
.meltano/plugins.stamp: tools/requirements/tap.txt tools/requirements/targets.txt | $(VENV)/demo.stamp
	rm -rf .meltano/extractors .meltano/loaders
	$(BIN)/meltano --log-level=warning install
	@touch $@

$(VENV)/dev.stamp: tools/requirements/dev.txt pyproject.toml | $(VENV)/demo.stamp
	$(UV) pip install --quiet --python $(BIN)/python \
		--build-constraints tools/requirements/build.txt -r $< -e .
	@touch $@

$(VENV)/demo.stamp: tools/requirements/dev.txt pyproject.toml | $(BIN)/python $(UV)
	$(UV) pip install --quiet --python $(BIN)/python \
		--build-constraints tools/requirements/build.txt -c $< --group demo -e '.[sandbox]'
	@touch $@
