# All commands need only Python 3.11 or later; the first one installs what is missing.
# Without make: python3 scripts/bootstrap.py apps.localstack.local_stack   and   python3 scripts/bootstrap.py --dev scripts.check

PYTHON ?= python3
READY = @$(PYTHON) scripts/bootstrap.py --dev

.DEFAULT_GOAL := help
.PHONY: help run backup restore test test-fast lint locks format screenshots pictures messages bench faults containers plotly-basic lighthouse crawl fuzz audit sbom backtest pitr
export FILE

help:  ## lists the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /  -  /'

run:  ## runs Hundred with a demo company; PORT= chooses the port, Ctrl-C stops it
	@$(PYTHON) scripts/bootstrap.py --local apps.localstack.local_stack

backup:  ## writes all data to one file: make backup FILE=hundred.backup
	@$(PYTHON) scripts/bootstrap.py manage backup "$$FILE"

restore:  ## restores a backup into an empty installation and compares every digest: make restore FILE=hundred.backup
	@$(PYTHON) scripts/bootstrap.py manage restore "$$FILE"

test:  ## runs every check and every test, with a real browser
	$(READY) scripts.check

test-fast:  ## runs the quick tests: only a database, no browser, no servers, no fault injection
	$(READY) scripts.check --fast

lint:  ## checks style, words, SQL, types, security and import contracts
	$(READY) scripts.check --lint

locks:  ## writes locks/ anew: each package with its version and its hashes; UPGRADE=1 takes newer versions
	$(READY) scripts.locks $(if $(UPGRADE),--upgrade)

plotly-basic:  ## fetches the small bundle of Plotly into var/plotly, by npm; PLOTLY_BUNDLE then serves it
	@$(PYTHON) scripts/bootstrap.py scripts.plotly_basic

lighthouse:  ## rates the pages in a browser, into var/lighthouse.json; needs npm and Chromium; RUNS=5
	$(READY) scripts.lighthouse --runs $(or $(RUNS),5)

crawl:  ## checks every page in every state in a browser: axe, console, policy, widths, languages, HTML; takes many minutes
	$(READY) pytest tests/browser/crawl_every_page.py -q -n 2 --dist loadgroup

screenshots:  ## takes screenshots of every page, into var/screenshots
	$(READY) scripts.screenshots

pictures:  ## takes the pictures of the documentation again, from the demo company
	$(READY) scripts.screenshots.documentation

bench:  ## measures the speed, into var/bench.json; SIZE=full is the full size and takes many minutes
	$(READY) tests.bench

backtest:  ## judges the forecast on simulated companies, for docs/forecast.md; SEEDS=4 of each kind
	$(READY) tests.forecasts.model --seeds $(or $(SEEDS),4)

faults:  ## injects faults and prints a table; ID=F1 BROKER=redis N=20 SEED=7 choose; results in var/faults.jsonl
	$(READY) tests.faults

pitr:  ## restores a killed PostgreSQL server to a chosen second with pgBackRest, as docs/deployment/point-in-time-recovery.md says
	$(READY) pytest tests/deployment/restore_to_a_second.py -q -rs

containers:  ## builds the image without a registry and runs the compose files with podman; root on Debian, takes many minutes
	$(READY) tests.containers

fuzz:  ## fuzzes: 20,000 requests to the API, an attacking crawler, a hostile broker and cache; CASES= SEED= ONLY=api|pages|broker
	$(READY) tests.fuzz

sbom:  ## writes the list of a server's packages with their hashes (CycloneDX), into var/; PYTHON_LOCK=3.13
	@$(PYTHON) scripts/bootstrap.py scripts.sbom $(if $(PYTHON_LOCK),--python $(PYTHON_LOCK))

audit:  ## checks the pinned versions for known weaknesses; needs the network; SERVICE=osv uses another list
	@$(PYTHON) scripts/bootstrap.py scripts.audit --service $(or $(SERVICE),pypi)

messages:  ## adds new strings to the Chinese catalogue and compiles it
	$(READY) scripts.catalogue

format:  ## formats the code
	$(READY) ruff check --fix -q .
	$(READY) ruff format .
