# Everything that this repository does: `make help`.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# uv from the machine if it has one, else bootstrapped from PyPI into .cache.
UV := $(or $(shell command -v uv 2>/dev/null),.cache/uv/bin/uv)
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy
# Tests and benchmarks start hundreds of processes, which need not compile all anew.
unexport PYTHONDONTWRITEBYTECODE

# Targets that the tap is piped into, and those of them that the tests need.
TARGETS := postgres parquet csv
TESTED := postgres csv

.DEFAULT_GOAL := help
.PHONY: help demo dagster targets test lint types pytest coverage fuzz mutation snapshot plugins matrix bench bench-reports chaos audit docs docs-pages docs-serve build install-check image lowest sbom lock clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 15

demo: $(VENV)/demo.stamp .meltano/plugins.stamp .cache/dbt/stamp  ## Load the sandbox's data into PostgreSQL with Meltano, model it with dbt, and draw it
	@$(BIN)/python examples/demo.py

dagster: $(VENV)/demo.stamp .meltano/plugins.stamp .cache/dagster/stamp  ## Open Dagster, reading the sandbox day by day (examples/dagster)
	@$(BIN)/python examples/dagster_dev.py

targets: $(VENV)/dev.stamp $(TARGETS:%=.cache/targets/%/stamp)  ## Pipe the tap into real targets and look at what lands; writes docs/targets.md (a minute)
	PYTHONPATH=examples $(BIN)/python tools/targets.py

test: lint types build docs pytest  ## Run all checks and tests

lint: $(VENV)/dev.stamp  ## Check style, workflows and Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml examples/ci/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --quiet --offline --persona=pedantic .github
	$(BIN)/zizmor --quiet --offline examples/ci/github.yml
	$(BIN)/hadolint Dockerfile

types: $(VENV)/dev.stamp  ## Check types
	$(BIN)/mypy
	$(BIN)/ty check

PACKAGE = .cache/package/bin

build: .cache/package/stamp  ## Build the package into dist/, check it and run it
	rm -rf dist
	$(UV) build --quiet --no-create-gitignore --build-constraints requirements/build.txt
	$(PACKAGE)/twine check --strict dist/*
	$(PACKAGE)/check-wheel-contents dist/*.whl
	UV=$(UV) $(PACKAGE)/python tools/install_check.py dist/*.whl uv

install-check: build  ## Install the package by pip and pipx too, and run it
	$(PACKAGE)/python tools/install_check.py dist/*.whl pip pipx

image:  ## Build the container images tap-kayzen and kayzen-sandbox
	docker build --quiet --tag tap-kayzen .
	docker build --quiet --tag kayzen-sandbox --target sandbox .

# Runs of Meltano in one project overwrite each other's catalog: one after the other.
pytest: $(VENV)/dev.stamp .meltano/plugins.stamp .cache/dagster/stamp .cache/dbt/stamp $(TESTED:%=.cache/targets/%/stamp)  ## Run the tests, those with Meltano and PostgreSQL too
	$(BIN)/pytest tests/e2e
	$(BIN)/pytest --numprocesses=logical tests/unit tests/contract

coverage: $(VENV)/dev.stamp  ## Measure how much of the tap the quick tests run; fails below 95 % (10 minutes)
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest tests/unit tests/contract
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Ten times 2,000 rather than once 20,000, since Hypothesis remembers them all.
fuzz: $(VENV)/dev.stamp  ## Try the reading and writing of records with 20,000 hostile answers (7 minutes)
	for seed in 1 2 3 4 5 6 7 8 9 10; do \
		$(BIN)/pytest --quiet tests/unit/test_hostile.py --hypothesis-profile=long \
			--hypothesis-seed=$$seed || exit 1; \
	done

mutation: .cache/mutation/stamp  ## Measure how many faults put into the core the tests find (an hour)
	rm -rf mutants
	.cache/mutation/bin/mutmut run --max-children 3
	.cache/mutation/bin/python tools/mutation.py

snapshot: $(VENV)/dev.stamp  ## Accept the catalog and the sandbox's data as they are now
	$(BIN)/pytest tests/unit/test_catalog.py tests/unit/test_dataset.py --snapshot-update

plugins: $(VENV)/dev.stamp $(TESTED:%=.cache/targets/%/stamp)  ## Write the definitions in plugins/ that Meltano reads
	$(BIN)/python tools/plugin_definitions.py

# Interpreters of pyenv count, without being switched on.
SPACE := $(subst ,, )
PYENV = $(subst $(SPACE),,$(patsubst %,:%,$(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/*/bin)))

matrix: $(VENV)/dev.stamp  ## Run the quick tests on every Python that the machine has
	PATH="$$PATH$(PYENV)" $(BIN)/tox run

# In one go, since what is installed already would not be replaced by something older.
lowest: | $(UV)  ## Run them on Python 3.10 with the oldest releases that are allowed (6 minutes)
	PATH="$$PATH$(PYENV)" $(UV) venv --quiet --clear --python 3.10 .cache/lowest
	$(UV) pip install --quiet --python .cache/lowest/bin/python --resolution lowest-direct \
		--build-constraints requirements/build.txt --group test -e '.[sandbox]'
	.cache/lowest/bin/pytest --numprocesses=logical --dist=loadgroup tests/unit tests/contract

bench: $(VENV)/demo.stamp .cache/bench/stamp  ## Measure the tap beside its peers; writes benchmarks/README.md (20 minutes)
	.cache/bench/bin/python benchmarks/run.py

bench-reports: $(VENV)/demo.stamp .cache/bench/stamp  ## Measure how fast reports are read; writes benchmarks/reports.md (2 minutes)
	.cache/bench/bin/python benchmarks/reports.py

RUNS ?= 1000
SEED ?= 1

chaos: $(VENV)/dev.stamp  ## Run the tap RUNS times (1000) against faults and kills, from SEED on (10 minutes)
	$(BIN)/python tools/chaos.py $(RUNS) --first $(SEED)

audit: .cache/audit/stamp  ## Ask PyPI which locked packages have known vulnerabilities
	for lock in requirements/*.txt; do \
		.cache/audit/bin/pip-audit --disable-pip --require-hashes --progress-spinner off -r $$lock || exit 1; \
	done

# Not `--output-reproducible`: actions/attest takes no SBOM without a serial number.
sbom: build  ## List what the locked tap consists of in build/tap-kayzen.cdx.json (CycloneDX)
	mkdir -p build
	$(UV) venv --quiet --clear --python "$$(command -v $(PYTHON))" .cache/sbom
	$(UV) pip install --quiet --python .cache/sbom/bin/python -r requirements/tap.txt
	$(PACKAGE)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
		-o build/tap-kayzen.cdx.json .cache/sbom/bin/python

docs: .cache/docs/stamp  ## Build the site of docs/ into .cache/site; fails at a dead link
	NO_MKDOCS_2_WARNING=1 .cache/docs/bin/mkdocs build --strict

docs-serve: .cache/docs/stamp  ## Show that site on http://127.0.0.1:8000, as it is while you write
	NO_MKDOCS_2_WARNING=1 .cache/docs/bin/mkdocs serve

docs-pages: $(VENV)/dev.stamp  ## Write the tables of settings, streams and columns in docs/ anew
	$(BIN)/python tools/docs_pages.py

LOCK = $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --python-version 3.10 --no-annotate \
	--custom-compile-command "make lock" $(UPGRADE)

lock: $(UV)  ## Write requirements/ anew; UPGRADE=--upgrade takes newer releases
	$(LOCK) pyproject.toml --extra sandbox --group dev -o requirements/dev.txt
	$(LOCK) pyproject.toml -c requirements/dev.txt -o requirements/tap.txt
	$(LOCK) pyproject.toml --extra sandbox -c requirements/dev.txt -o requirements/sandbox.txt
	$(LOCK) pyproject.toml --extra sandbox --group demo -c requirements/dev.txt -o requirements/demo.txt
	$(LOCK) pyproject.toml --group benchmark -c requirements/tap.txt -o requirements/benchmark.txt
	$(LOCK) pyproject.toml --extra sandbox --group mutation -c requirements/dev.txt -o requirements/mutation.txt
	$(LOCK) --group bootstrap -c requirements/dev.txt -o requirements/bootstrap.txt
	$(LOCK) --group build -o requirements/build.txt
	$(LOCK) --group package -o requirements/package.txt
	$(LOCK) --group audit -o requirements/audit.txt
	$(LOCK) --group dagster -o requirements/dagster.txt
	$(LOCK) --group dbt -o requirements/dbt.txt
	$(LOCK) --group docs -o requirements/docs.txt
	$(LOCK) --group target-postgres -o requirements/target-postgres.txt
	$(LOCK) --group target-csv -o requirements/target-csv.txt
	$(LOCK) --group target-parquet -c requirements/target-postgres.txt -o requirements/target-parquet.txt

clean:  ## Remove all that was installed or built here
	rm -rf $(VENV) .cache .hypothesis .meltano .mypy_cache .pytest_cache .ruff_cache .tox .coverage .coverage.* build dist mutants output

.cache/uv/bin/uv: requirements/bootstrap.txt
	$(PYTHON) -m venv .cache/uv
	.cache/uv/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r requirements/bootstrap.txt
	@touch $@

$(BIN)/python: | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer, please: make PYTHON=python3.x" if sys.version_info < (3, 10) else 0)'
	$(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(VENV)

.cache/bench/stamp: requirements/benchmark.txt pyproject.toml | $(UV)
	$(UV) venv --quiet --clear --python "$$(command -v $(PYTHON))" .cache/bench
	$(UV) pip install --quiet --python .cache/bench/bin/python \
		--build-constraints requirements/build.txt -r $< -e .
	@touch $@

.cache/mutation/stamp: requirements/mutation.txt pyproject.toml | $(UV)
	$(UV) venv --quiet --clear --python "$$(command -v $(PYTHON))" .cache/mutation
	$(UV) pip install --quiet --python .cache/mutation/bin/python \
		--build-constraints requirements/build.txt -r $< -e .
	@touch $@

define install
$(UV) venv --quiet --clear --python "$$(command -v $(PYTHON))" $(@D)
$(UV) pip install --quiet --python $(@D)/bin/python -r $<
@touch $@
endef

.cache/%/stamp: requirements/%.txt | $(UV)
	$(install)

.cache/targets/%/stamp: requirements/target-%.txt | $(UV)
	$(install)

# Meltano installs what is missing, but does not see that a lock has changed.
.meltano/plugins.stamp: requirements/tap.txt requirements/target-postgres.txt requirements/target-csv.txt
	@rm -rf .meltano/extractors .meltano/loaders
	@mkdir -p $(@D)
	@touch $@

# dev.txt holds all that demo.txt does, in the same versions.
$(VENV)/%.stamp: requirements/%.txt pyproject.toml | $(BIN)/python $(UV)
	$(UV) pip install --quiet --python $(BIN)/python \
		--build-constraints requirements/build.txt -r $< -e .
	@touch $@
