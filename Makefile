# What a person types. Everything is built once, in the release profile, and shared between build, test, bench and demo.
#
# Needs Rust, Node.js with npm, Java, make and a C compiler; what else it needs it fetches through the package clients, or
# says how to get it (scripts/build-needs.sh, scripts/fetch-kafka.sh, scripts/test-needs.sh).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help demo build setup web test test-unit test-system sim faults lts lint bench fuzz clean

BINARY := target/release/footfall
# Always of the whole workspace: the features of what is shared, and with them what has to be built anew, follow from the packages chosen.
# `system` is the one test target whose name begins with `sy`. Where targets are named, cargo builds no examples to run: tests need those.
CARGO_TEST := cargo test --release --locked --workspace
# Tests of the whole system wait more than they calculate: for browsers, brokers, and the seconds that faults last.
SYSTEM_THREADS := $(shell n=$$(nproc); echo $$((n < 4 ? 4 : n)))
TRACKER := crates/collector/tracker
WEB := crates/dashboard/web

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "%-12s %s\n", $$1, $$2 }'

demo: build ## Build, start everything with 90 days of demo traffic on http://127.0.0.1:8080 (LOG=file imports your log)
	@scripts/demo.sh $(if $(LOG),--log "$(LOG)")

build: setup web ## Build target/release/footfall, ready to run
	@scripts/build-needs.sh
	@cargo build --release --locked

setup: ## Fetch the ClickHouse engine and the country database into the cache
	@scripts/fetch-engine.sh
	@scripts/fetch-geo.sh

web: $(TRACKER)/dist/script.js $(WEB)/dist/index.html ## Build the tracker and the web page

$(TRACKER)/dist/script.js: $(wildcard $(TRACKER)/*.json $(TRACKER)/*.mjs $(TRACKER)/src/*)
	@echo "building the tracker" && cd $(TRACKER) && npm ci --no-audit --no-fund --silent && npm run --silent build && touch dist/script.js

$(WEB)/dist/index.html: $(wildcard $(WEB)/*.json $(WEB)/*.html $(WEB)/*.js $(WEB)/src/* $(WEB)/src/*/* $(WEB)/public/*)
	@echo "building the web page" && cd $(WEB) && npm ci --no-audit --no-fund --silent && npm run --silent build -- --logLevel warn && touch dist/index.html

test: build test-unit test-system ## Run every test: unit, property, whole system, real browser

test-unit: build
	@scripts/fetch-kafka.sh
	@scripts/test-needs.sh
	@cd $(TRACKER) && npm test --silent
	@cd $(WEB) && npm test --silent
	@cargo build --release --locked --workspace --examples
	@$(CARGO_TEST) --lib --bins --test '[!s]*' --test 's[!y]*'

test-system: build
	@scripts/test-needs.sh
	@$(CARGO_TEST) --test system -- --test-threads $(SYSTEM_THREADS)

sim: ## Simulate a million days of faults (SEEDS=n: so many; FOOTFALL_SIM_SEED=n: one, told)
	@cargo run --quiet --release --locked -p sim -- $(or $(SEEDS),1000000)

faults: build ## Real faults, the long form: three brokers, two versions (FOOTFALL_OTHER names another binary; CASE=name runs one)
	@scripts/test-needs.sh
	@scripts/fetch-kafka.sh
	@other=$${FOOTFALL_OTHER:-$$(scripts/other-version.sh)}; \
	FOOTFALL_OTHER=$$other $(CARGO_TEST) --test system -- faults::long::$(CASE) --ignored --nocapture --test-threads 1

# Left out: what is the embedded engine's own, other programs' clients of it, and two faults whose codes 25.8 does not have.
lts: build ## The store's tests on ClickHouse 25.8 LTS, the oldest version that is promised
	@scripts/test-needs.sh
	@cargo build --release --locked --workspace --examples
	@cache=$$(scripts/lts-engine.sh); \
	FOOTFALL_CACHE=$$cache $(CARGO_TEST) --test engine -- --skip host:: --skip child:: --skip clients:: --skip writes:: --skip a_table_that_can_only_be_read --skip every_code_that_passes

lint: web ## Formatting, clippy, dependencies, licences, deployment files
	@cargo fmt --all --check
	@scripts/build-needs.sh
	@cargo clippy --release --locked --workspace --all-targets -- -D warnings
	@scripts/deny.sh
	@scripts/lint-deploy.sh
	@cd $(TRACKER) && npm run --silent check
	@cd $(WEB) && npm run --silent check

bench: build ## Measure against nginx, GoAccess and Plausible's schema, side by side
	@scripts/bench.sh

fuzz: ## Run every fuzz target for a minute
	@scripts/fuzz.sh

clean: ## Remove what was built; the cache and ./data stay
	@cargo clean && rm -rf $(TRACKER)/dist $(TRACKER)/node_modules $(WEB)/dist $(WEB)/node_modules
