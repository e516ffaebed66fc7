# make help explains.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.tools/bin:$(shell go env GOPATH)/bin:$(PATH)

TAGS     := -tags nomsgpack
BACKENDS := miniredis,redis,sqlite,mysql
# What is no test, but takes pictures or measures by a target of its own.
MEASURED := '^Test(Screens|ScreensOfDesk|ScreensOfSeats|Weigh|FramesOfPanning)$$'
# Before a shop that nobody here wrote, and shops that check passes: with what is in deploy/.
SHOPS    := '^Test(AShopThatNobodyHereWrote|ShopsCheckThePassThemselves)$$'
VISITORS ?= 200
MINUTES  ?= 2
SCRIPT   ?=

.PHONY: help
help: ## Say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Run everything on the embedded default, with the show demo to try
	@bin/frontrow seed
	@exec bin/frontrow serve

.PHONY: build
build: ## Build bin/frontrow
	@go build $(TAGS) -o bin/frontrow ./cmd/frontrow

.PHONY: test
test: ## Run all tests, on embedded and on real servers; installs what is missing
	@scripts/setup.sh test
	@GOGC=400 go test $(TAGS) -skip $(MEASURED) -race -shuffle on -parallel 6 -timeout 25m -json ./... | go run ./scripts/testcount -need $(BACKENDS)

.PHONY: lint
lint: ## Run the linters; installs them if missing
	@scripts/setup.sh lint
	@golangci-lint run
	@bash -n scripts/*.sh deploy/*.sh

.PHONY: check
check: lint test ## All that must pass before a change goes in

.PHONY: deploy
deploy: ## Run and look over what is in deploy/, with nginx, Prometheus and a shop; installs what is missing
	@scripts/setup.sh test deploy shop
	@go test $(TAGS),deploy -timeout 15m ./deploy
	@go test $(TAGS),deploy -timeout 15m -run $(SHOPS) ./cmd/frontrow
	@cd deploy/check && go test -timeout 15m ./...

.PHONY: scale
scale: ## Sell past one machine, with failovers: Redis Cluster, Sentinel, Galera, gateways that come and go; prints what docs/scaling.md shows
	@scripts/setup.sh test scale
	@go test $(TAGS),scale -count 1 -v -timeout 15m ./deploy/scale | grep -v '^=== '

.PHONY: load
load: build ## Load two gateways with k6, VISITORS=200; SCRIPT=rush for one script, BASE_URL=… for one that runs
	@scripts/setup.sh load $(if $(BASE_URL)$(BASE_URLS),,test)
	@VISITORS=$(VISITORS) SCRIPT=$(SCRIPT) scripts/load.sh

.PHONY: bench
bench: build ## Measure against the budget in 3 minutes; FULL=1 with a million waiting, WRITE=1 into docs, PROFILE=dir; REPLICAS=n, CACHE=1, SALE=1 or PROXY=1 measure those
	@scripts/setup.sh test $(if $(CACHE),cache) $(if $(PROXY),shop)
	@go build $(TAGS) -o bin/bench ./scripts/bench
	@bin/bench $(if $(FULL),-full) $(if $(WRITE),-write docs) $(if $(PROFILE),-profile $(PROFILE)) $(if $(REPLICAS),-replicas $(REPLICAS)) $(if $(CACHE),-cache) $(if $(SALE),-sale) $(if $(PROXY),-proxy)

.PHONY: simulate
simulate: build ## Play VISITORS=200 people against the gateway that make run started
	@bin/frontrow simulate --visitors $(VISITORS)

.PHONY: screens
screens: ## Write pictures of the pages into docs/screens, as Chromium shows them
	@scripts/setup.sh test
	@go test $(TAGS) -count 1 -run '^TestScreens' ./cmd/frontrow -screens $(CURDIR)/docs/screens

.PHONY: weigh
weigh: ## Measure what the waiting room costs a phone: first paint, bytes, processor time; MINUTES=2 of waiting
	@scripts/setup.sh test
	@go test $(TAGS) -count 1 -v -timeout 30m -run '^TestWeigh$$' ./cmd/frontrow -weigh $(MINUTES)m | grep -v -e '^=== ' -e '^---'
.PHONY: frames
frames: ## Measure how smoothly the seat map of 50,000 seats moves, on a processor four times slower
	@scripts/setup.sh test
	@go test $(TAGS) -count 1 -v -run '^TestFramesOfPanning$$' ./cmd/frontrow -frames | grep -o '[0-9]* px wide, .*\|^--- .*\|^FAIL.*'

.PHONY: arena
arena: ## Write arena.yaml, a hall of 15,000 seats, for frontrow seed --file
	@go run ./scripts/hall -seats 15000 -show arena > arena.yaml
	@echo "arena.yaml: $$(grep -o 'number:' arena.yaml | wc -l) seats"

.PHONY: clean
clean: ## Remove what was built; data/ stays
	@rm -rf bin arena.yaml
