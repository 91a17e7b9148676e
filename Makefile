# Two commands from a fresh clone: `make go` and `make test`. What they do is in scripts/.
.PHONY: help setup setup-proxy go test test-hosts mutate chaos kill soak lint bench lock sbom clean
.DEFAULT_GOAL := help

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## Make .venv with everything in it (PYTHON=… chooses the Python)
	@scripts/setup

setup-proxy: ## Make .venv-proxy: a real LiteLLM proxy, for `ingate proxy up` and its tests
	@scripts/setup proxy

go: setup ## Talk to a model; without a key, to a small one inside the process (ARGS="--model …")
	@.venv/bin/ingate go $(ARGS)

test: ## Linters, types, the import contract, and every test on the newest and the oldest Python
	@scripts/test

test-hosts: ## Tests inside the real hosts (fast-agent and others), each in an environment of its own (HOSTS=…)
	@scripts/hosts $(HOSTS)

mutate: setup ## Mutation testing: what would the tests not notice? (ARGS="--package config --sample 40"; the first run is long)
	@scripts/mutate $(ARGS)

chaos: setup ## Faults of providers on every lane and surface: does every call end, and rightly? (ARGS="--lane chat --fault ping")
	@scripts/chaos $(ARGS)

kill: setup ## Kill chats 100 times, also with a full disk: is anything missing that was shown? (ARGS="--rounds 20")
	@scripts/kill $(ARGS)

soak: setup ## 200 conversations with faults for ten minutes: is a message lost or repeated, does memory grow? (SECONDS=60)
	@scripts/soak --seconds $(or $(SECONDS),600) $(ARGS)

lint: setup ## Linters, types and the import contract only
	@scripts/lint

bench: setup ## Measure what is promised on speed, one file of bench/ after the other
	@for file in bench/*.py; do echo "== $$file"; .venv/bin/python "$$file" || exit 1; done

lock: ## Lock the newest versions anew, with hashes (needs uv)
	@scripts/lock

sbom: ## Write sbom.cdx.json: the bill of materials of what is locked, in CycloneDX's format
	@scripts/sbom

clean: ## Remove the environments and every cache
	rm -rf .venv .venv-3.11 .venv-hosts .venv-proxy .venv-sbom sbom.cdx.json .pytest_cache .ruff_cache .import_linter_cache .hypothesis .mutate .coverage htmlcov dist build
	find src tests scripts -name __pycache__ -prune -exec rm -rf {} +
