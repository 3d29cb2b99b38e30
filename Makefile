# Run "make" for the list of targets.
.DEFAULT_GOAL := help
.PHONY: help build test race floors lint check vulncheck fuzz bench docs demo parts parts-down integration chaos ci

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the program into bin/crmsync
	go build -o bin/crmsync ./cmd/crmsync

test: ## run the tests; those that need a server say so and skip
	go test ./...

race: ## run the tests with the race detector
	go test -race ./...

floors: ## check who imports whom, and the lengths of files and functions
	go test -count 1 .

lint: ## check formatting, go vet, golangci-lint and the scripts
	.ci/lint

check: lint race floors ## what a commit must pass

vulncheck: ## look our modules up in Go's database of vulnerabilities (asks vuln.go.dev, or $$GOVULNDB)
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

parts: ## start real Kafka, Redis and PostgreSQL on loopback (installs them as root)
	.ci/parts up

parts-down: ## end them and remove their data
	.ci/parts down

integration: ## run all tests on the parts; a test that cannot find its server fails
	eval "$$(.ci/parts env)" && CI=true go test -race -count 1 ./...

# Figures by scenario; those that have one are run, and without any all are: make chaos KILLS=20
CHAOS = $(foreach f,KILLS PAUSES JOINS BROKER_KILLS HANGS STORES LETTERS TOXICS CRM DENIED STORM SECONDS ONLY RATE ORGS RECORDS SEED MEMORY SHORT JSON KEEP,\
	$(if $($(f)),-$(shell echo $(f) | tr A-Z_ a-z-)=$($(f))))

chaos: ## do harm to daemons on real servers and judge the end: KILLS=20, ONLY=storm, SHORT=true, SECONDS=60 ...
	go build -o bin/chaos ./cmd/chaos && exec bin/chaos $(CHAOS)

demo: ## watch a whole system at work for a minute, with nothing installed
	go run ./cmd/crmsync demo

fuzz: ## fuzz every target a few seconds
	.ci/fuzz 5

bench: ## run the benchmarks; see docs/performance.md for how to compare
	go test -run '^$$' -bench . -benchmem ./...

docs: ## write the generated pages in docs/ anew
	go generate ./...

ci: ## all that continuous integration does (20 minutes or more)
	CI=true bash .ci/run
