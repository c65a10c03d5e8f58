# Slipway. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Target and caches are outside the checkout, so that a fresh clone is warm.
SLIPWAY_HOME ?= $(HOME)/.cache/slipway
export CARGO_TARGET_DIR ?= $(SLIPWAY_HOME)/target
export CARGO_TERM_COLOR ?= auto
TARGET := x86_64-unknown-linux-gnu
BIN := $(CARGO_TARGET_DIR)/debug
TOOLS := $(SLIPWAY_HOME)/tools/bin
CARGO_DENY_VERSION := 0.20.2

REGISTRY ?=
TAG ?= dev
# With which optimisation `make images` builds: release, or dev for trying things out.
PROFILE ?= release
CHECK ?=
STORY ?=
PART ?=

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

.PHONY: run
run: setup build agent ## A local cluster, the operator and the demo fleet; CHECK=1 verifies it and exits
	@$(BIN)/slipway-demo run $(if $(CHECK),--check)

.PHONY: test
test: setup lint build agent ## Everything, a real cluster included
	cargo test --workspace --no-fail-fast
	@$(MAKE) --no-print-directory run CHECK=1

.PHONY: setup
setup: ## What a fresh machine lacks
	@./.ci/setup

.PHONY: build
build: ## All programs
	cargo build --workspace --bins

# Static glibc: it runs in any image.
STATIC := env -u RUSTFLAGS CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"

.PHONY: agent
agent: ## The static agent, and what pushes images beside it
	$(STATIC) cargo build --package slipway-agent --package slipway-images --bin slipway-agent --bin slipway-push --target $(TARGET)
	@ls -sh $(CARGO_TARGET_DIR)/$(TARGET)/debug/slipway-agent $(CARGO_TARGET_DIR)/$(TARGET)/debug/slipway-push

.PHONY: images
images: setup ## Push the operator's and the agent's image: REGISTRY=host/path [TAG=dev] [PROFILE=dev: faster to build, slower to run]
	@test -n "$(REGISTRY)" || { echo "make images needs REGISTRY=host[:port][/path]"; exit 2; }
	cargo build --profile $(PROFILE) --workspace --bin slipway-controller --bin slipway-images
	$(STATIC) cargo build --profile $(PROFILE) --package slipway-agent --package slipway-images --bin slipway-agent --bin slipway-push \
	  --target $(TARGET)
	$(CARGO_TARGET_DIR)/$(PROFILE:dev=debug)/slipway-images push --registry $(REGISTRY) --tag $(TAG) operator
	$(CARGO_TARGET_DIR)/$(PROFILE:dev=debug)/slipway-images push --registry $(REGISTRY) --tag $(TAG) agent

.PHONY: manifest
manifest: ## Print install.yaml with your images: REGISTRY=host/path [TAG=dev]
	@test -n "$(REGISTRY)" || { echo "make manifest needs REGISTRY=host[:port][/path]"; exit 2; }
	@sed -E 's#registry\.slipway\.test:5000/(slipway-[a-z]+):dev#$(REGISTRY)/\1:$(TAG)#' manifests/install.yaml

.PHONY: generate
generate: ## Write what is generated: custom resource definitions, and install.yaml from the chart
	cargo run --quiet --package slipway-crds --bin crdgen
	helm=$$(cargo run --quiet --package slipway-cluster -- helm) && charts/render-install.sh "$$helm" > manifests/.install.yaml
	mv manifests/.install.yaml manifests/install.yaml

.PHONY: clean-own
clean-own: ## Remove what was compiled of Slipway itself, from this clone and any other; dependencies stay
	cargo clean --workspace

.PHONY: lint
lint: deny ## Format, clippy, dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- --deny warnings

.PHONY: deny
deny: $(TOOLS)/cargo-deny
	$(TOOLS)/cargo-deny --workspace --all-features check --hide-inclusion-graph bans licenses sources

$(TOOLS)/cargo-deny:
	cargo install cargo-deny --version $(CARGO_DENY_VERSION) --locked --root $(SLIPWAY_HOME)/tools

# Always the whole workspace: a part of it would have other features, and everything below would be compiled again.
.PHONY: unit
unit: ## Only what needs no cluster and no other program
	cargo test --workspace --lib --bins

.PHONY: stories
stories: build agent ## Only the stories on a real cluster; STORY=name for some of them
	cargo test --workspace --test stories -- $(STORY)

.PHONY: crash
crash: ## The operator killed before and after every write, and told every lie; writes the table of docs/reliability.md
	cargo run --package slipway-faults -- crash --document docs/reliability.md

# Release profile for both: the operator is measured as it ships, and the raw loader it is measured against is not held back.
.PHONY: bench
bench: ## Measures Slipway beside the API server's limit, kubectl, buildah and rsync; writes docs/performance.md; PART=builds for one part, QUICK=1 for developing
	cargo build --release --workspace --bin slipway-controller --bin slipway-demo --bin slipway-bench --bin slipway
	$(STATIC) cargo build --release --package slipway-agent --package slipway-images --bin slipway-agent --bin slipway-push --target $(TARGET)
	$(CARGO_TARGET_DIR)/release/slipway-bench run $(if $(PART),--only $(PART)) $(if $(QUICK),,--document docs/performance.md)
