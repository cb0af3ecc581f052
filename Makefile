# Everything starts from a machine with Python 3.11 or later; what is missing is brought by the first command.
# Without make: python3 scripts/bootstrap.py apps.localstack.local_stack   and   python3 scripts/bootstrap.py --dev scripts.check

PYTHON ?= python3
READY = @$(PYTHON) scripts/bootstrap.py --dev

.DEFAULT_GOAL := help
.PHONY: help run backup restore test test-fast lint format screenshots messages bench faults plotly-basic lighthouse crawl fuzz audit
export FILE

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /  -  /'

run:  ## the whole house with a demo company; PORT= chooses the port, Ctrl-C stops it
	@$(PYTHON) scripts/bootstrap.py apps.localstack.local_stack

backup:  ## everything into one file: make backup FILE=hundred.backup
	@$(PYTHON) scripts/bootstrap.py manage backup "$$FILE"

restore:  ## such a file into an empty installation, every digest compared: make restore FILE=hundred.backup
	@$(PYTHON) scripts/bootstrap.py manage restore "$$FILE"

test:  ## every check and every test, with a real browser
	$(READY) scripts.check

test-fast:  ## the inner loop: no browser, nothing killed, nothing started but a database, nobody sent everywhere
	$(READY) scripts.check --fast

lint:  ## style, types, security and import contracts
	$(READY) scripts.check --lint

plotly-basic:  ## fetches the small bundle of Plotly into var/plotly, by npm; PLOTLY_BUNDLE then serves it
	@$(PYTHON) scripts/bootstrap.py scripts.plotly_basic

lighthouse:  ## how browsers rate the pages, into var/lighthouse.json; needs npm and Chromium; RUNS=5
	$(READY) scripts.lighthouse --runs $(or $(RUNS),5)

crawl:  ## every page in every state in a browser: axe, console, policy, widths, languages, valid HTML; many minutes
	$(READY) pytest tests/browser/crawl_every_page.py -q -n 2

screenshots:  ## every page as a picture, in var/screenshots
	$(READY) scripts.screenshots

bench:  ## how fast it is, into var/bench.json; SIZE=full is the real one and takes many minutes
	$(READY) tests.bench

faults:  ## injects faults, one table; ID=F1 BROKER=redis N=20 SEED=7 choose, var/faults.jsonl remembers
	$(READY) tests.faults

fuzz:  ## 20,000 requests to the API, a crawler that attacks, a hostile broker and cache; CASES= SEED= ONLY=api|pages|broker
	$(READY) tests.fuzz

audit:  ## whether a pinned version has a known weakness; needs the network; SERVICE=osv asks another list
	@$(PYTHON) scripts/bootstrap.py scripts.audit --service $(or $(SERVICE),pypi)

messages:  ## takes new strings into the Chinese catalogue and compiles it
	$(READY) scripts.catalogue

format:  ## put the code into its form
	$(READY) ruff check --fix -q .
	$(READY) ruff format .
