# Everything here is one `uv run …`; make only sees to it that uv and the locked environment are there.
# Package indexes, proxies and certificates are those of your own pip and uv settings.

.DEFAULT_GOAL := help
.PHONY: help executable setup setup-kafka demo up down status versions test test-kafka test-docker test-compose test-clients test-keycloak test-observability test-hostile bench bench-peers bench-growth bench-slow bench-instances bench-neighbours bench-fleet bench-streams images check

UV_VERSION := 0.13.9
PRIVATE_UV := .uv/bin/uv
# A uv on PATH that knows the lock file's format (0.13 or newer), else a private one.
UV := $(shell uv --version 2>/dev/null | awk '{ split($$2, v, "."); if (v[1] > 0 || v[2] >= 13) print "uv" }')
ifeq ($(UV),)
UV := $(PRIVATE_UV)
SETUP_NEEDS := $(PRIVATE_UV)
endif
RUN := $(UV) run --no-sync

unexport VIRTUAL_ENV

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  More options: make up ARGS='--detach', make test ARGS='-k seal', .venv/bin/onboarding --help"

# Nothing that is installed on a file system mounted noexec can be started: found before anything is downloaded.
executable:
	@environment="$${UV_PROJECT_ENVIRONMENT:-.venv}"; mkdir -p "$$(dirname "$$environment")"; \
	for folder in "$$(dirname "$$environment")" $(if $(SETUP_NEEDS),.); do \
	  probe=$$(mktemp "$$folder/.executable.XXXXXX") && printf '#!/bin/sh\n' >"$$probe" && chmod +x "$$probe"; \
	  "$$probe" 2>/dev/null && rm -f "$$probe" || { rm -f "$$probe"; \
	    echo "error: no program can be started from $$folder: its file system is mounted noexec; put the checkout, or with uv on PATH the environment alone (UV_PROJECT_ENVIRONMENT=FOLDER), on another one" >&2; exit 1; }; \
	done

setup: executable $(SETUP_NEEDS) ## make the locked environment in .venv
	@$(UV) sync --locked --quiet

demo: setup ## start everything, onboard one tenant live, show the evidence, stop
	@$(RUN) onboarding demo $(ARGS)

up: setup ## run everything on this machine until Ctrl-C
	@$(RUN) onboarding up $(ARGS)

down: setup ## stop what `make up` started
	@$(RUN) onboarding down $(ARGS)

status: setup ## show every process
	@$(RUN) onboarding status $(ARGS)

versions: setup
	@$(UV) --version
	@$(RUN) python -c 'import sys; print("python", sys.version.split()[0])'
	@$(UV) pip list --quiet

test: setup ## run all tests
	$(RUN) pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-kafka: setup-kafka ## integration, e2e and fault tests on Apache Kafka, without Docker
	ONBOARDING_TEST_ENGINES=kafka $(RUN) pytest -n 2 --dist loadfile --no-loadscope-reorder tests/integration tests/e2e tests/fault $(ARGS)

test-docker: setup ## integration and e2e tests on PostgreSQL and Apache Kafka in containers
	ONBOARDING_TEST_ENGINES=docker $(RUN) pytest -n 2 --dist loadfile --no-loadscope-reorder tests/integration tests/e2e $(ARGS)

test-compose: setup ## build the images, run docker-compose.yml, kill every container
	ONBOARDING_TEST_COMPOSE=1 $(RUN) pytest tests/compose $(ARGS)

test-clients: setup ## typed clients of the API, and subscribers in JavaScript and Go; needs npm, go and the network
	ONBOARDING_TEST_CLIENTS=1 $(RUN) pytest tests/clients $(ARGS)

test-keycloak: setup-kafka ## sign in at a real Keycloak on the JVM, fetched once
	ONBOARDING_TEST_KEYCLOAK=1 $(RUN) pytest -n 0 tests/keycloak $(ARGS)

test-observability: setup ## run the dashboards' queries and the alerts on a real Prometheus, which must be on PATH
	$(RUN) pytest -n 0 tests/contract/test_observability.py tests/e2e/test_prometheus.py $(ARGS)

test-hostile: setup-kafka ## ten thousand hostile records on each topic, on both brokers; an hour
	@for engines in embedded kafka; do \
	  ONBOARDING_TEST_ENGINES=$$engines ONBOARDING_TEST_HOSTILE_RECORDS=10000 $(RUN) pytest -n 0 -s tests/fault/test_hostile_topics.py $(ARGS) || exit 1; \
	done

bench: setup ## load the whole system, print what it does beside the limits of its parts
	$(RUN) python -m tests.bench $(ARGS)

# The packages of the peers have an environment of their own, because nothing else needs them.
PEERS := $(or $(UV_PROJECT_ENVIRONMENT),.venv)-peers

bench-peers: setup ## beside taskiq and Procrastinate, which do the same job, in turns in one run
	@$(UV) venv --quiet --allow-existing --python "$$($(RUN) python -c 'import sys; print(sys.executable)')" $(PEERS)
	@$(UV) pip sync --quiet --python $(PEERS) tests/bench/peers/requirements.txt
	$(RUN) python -m tests.bench.peers --python $(PEERS)/bin/python $(ARGS)

bench-growth: setup ## the same with 100 thousand and 1 million runs already there
	$(RUN) python -m tests.bench.growth $(ARGS)

bench-slow: setup ## the same with slow commits and a slow line to Kafka
	$(RUN) python -m tests.bench.slow $(ARGS)

bench-instances: setup ## the same with two instances of each service
	$(RUN) python -m tests.bench.instances $(ARGS)

bench-neighbours: setup ## quiet tenants beside noisy ones; fails when they become much slower
	$(RUN) python -m tests.bench.neighbours $(ARGS)

bench-fleet: setup ## the twelve checks of 200 customers, against a Microsoft that takes its time
	$(RUN) python -m tests.bench.fleet $(ARGS)

bench-streams: setup ## memory, CPU and delay of 1,000 open streams of events; fails over their budgets
	$(RUN) python -m tests.bench.streams $(ARGS)

images: setup ## take the pictures of the documents again; needs a Chromium
	ONBOARDING_TEST_IMAGES=docs/images $(RUN) pytest -q tests/e2e/test_web_application_pictures.py

# A Java for machines without one.
setup-kafka: executable $(SETUP_NEEDS)
	@$(UV) sync --locked --quiet --group kafka

check: setup ## lint, format, architecture rules, types
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) lint-imports
	$(RUN) pyrefly check

$(PRIVATE_UV): | executable
	@command -v python3 >/dev/null || { \
	  echo "error: neither uv nor python3 is there; install python3 and python3-venv (Debian: apt install python3-venv)" >&2; exit 1; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "error: this python3 cannot make virtual environments; install the package python3-venv (Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "uv is not on PATH (or older than 0.13): installing uv $(UV_VERSION) into .uv/" >&2
	@python3 -m venv --clear .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) || { rm -rf .uv; exit 1; }
