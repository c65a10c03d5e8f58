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
CHECK ?=
KEEP ?=

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

.PHONY: run
run: setup build agent ## A local cluster, the operator and the demo fleet; CHECK=1 verifies it and exits
	@$(BIN)/slipway-demo run $(if $(CHECK),--check)

.PHONY: test
test: setup lint unit cluster stories faults check ## Everything, a real cluster included

.PHONY: setup
setup: ## What a fresh machine lacks
	@./.ci/setup

.PHONY: build
build: ## All programs
	cargo build --workspace --bins

.PHONY: agent
agent: ## The static agent
	CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static" \
	  cargo build --package slipway-agent --target $(TARGET)

.PHONY: images
images: build agent ## Push the operator's and the agent's image: REGISTRY=host/path [TAG=dev]
	@test -n "$(REGISTRY)" || { echo "make images needs REGISTRY=host[:port][/path]"; exit 2; }
	$(BIN)/slipway-images push --registry $(REGISTRY) --tag $(TAG) operator
	$(BIN)/slipway-images push --registry $(REGISTRY) --tag $(TAG) agent

.PHONY: manifest
manifest: ## Print install.yaml with your images: REGISTRY=host/path [TAG=dev]
	@test -n "$(REGISTRY)" || { echo "make manifest needs REGISTRY=host[:port][/path]"; exit 2; }
	@sed -E 's#registry\.slipway\.test:5000/(slipway-[a-z]+):dev#$(REGISTRY)/\1:$(TAG)#' manifests/install.yaml

.PHONY: generate
generate: ## Write what is generated: custom resource definitions and install.yaml
	cargo run --quiet --package slipway-crds --bin crdgen

.PHONY: lint
lint: deny ## Format, clippy, dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- --deny warnings

.PHONY: deny
deny: $(TOOLS)/cargo-deny
	$(TOOLS)/cargo-deny --workspace --all-features check --hide-inclusion-graph bans licenses sources

$(TOOLS)/cargo-deny:
	cargo install cargo-deny --version $(CARGO_DENY_VERSION) --locked --root $(SLIPWAY_HOME)/tools

.PHONY: unit
unit: ## Unit and property tests, and everything that needs no cluster
	cargo test --workspace --exclude slipway-cluster --exclude slipway-e2e --exclude slipway-faults

.PHONY: cluster
cluster: build agent ## The local cluster's own tests
	cargo test --package slipway-cluster

.PHONY: stories
stories: build agent ## Stories on a real cluster
	cargo test --package slipway-e2e

.PHONY: faults
faults: ## The operator killed and lied to: a rotating eighth [SLIPWAY_FAULT_SEED=n]
	cargo test --package slipway-faults

.PHONY: crash
crash: ## The operator killed before and after every write, and told every lie; writes the table of docs/reliability.md
	cargo run --package slipway-faults -- crash --document docs/reliability.md

.PHONY: check
check: ## `make run CHECK=1`
	@$(MAKE) --no-print-directory run CHECK=1
