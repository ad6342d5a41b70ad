# Vireo, a caching DNS server. `make help` lists what can be made; CONTRIBUTING.md says more.

SWIFT          ?= swift
PREFIX         ?= /usr/local
SYSCONFDIR     ?= /etc
UNITDIR        ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR    ?= $(PREFIX)/lib/sysusers.d
DESTDIR        ?=
LISTEN         ?= 127.0.0.1:5300
ARGS           ?=

# The program stands alone: Swift's runtime is linked in, and modules are optimised across their borders.
RELEASE_FLAGS  := -c release --static-swift-stdlib -Xswiftc -cross-module-optimization
BINARY         := .build/release/vireo

# What the build needs, and what the tests need besides, as Debian calls them.
BUILD_PACKAGES := libevent-dev libhiredis-dev libboost-context-dev libssl-dev
TEST_PACKAGES  := nsd redis-server bind9-dnsutils knot-dnsutils dnsperf ldnsutils

.DEFAULT_GOAL  := help
.PHONY: help run build test lint format example-config install clean deps test-deps

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build, and serve on 127.0.0.1:5300 from memory (LISTEN=…, ARGS='--upstream …')
	@echo
	@echo "Serving on $(LISTEN); stop with Ctrl-C. Try, from another terminal:"
	@echo "  dig @$(firstword $(subst :, ,$(LISTEN))) -p $(lastword $(subst :, ,$(LISTEN))) www.debian.org"
	@echo
	@exec $(BINARY) serve --listen $(LISTEN) $(ARGS)

build: deps ## build the release program, .build/release/vireo
	$(SWIFT) build $(RELEASE_FLAGS) --product vireo

test: build test-deps ## run all tests, the end-to-end ones on the release program
	VIREO_BINARY=$(CURDIR)/$(BINARY) $(SWIFT) test $(ARGS)

lint: deps ## check format, house rules, warnings, scripts, unit files and the example configuration
	SWIFT="$(SWIFT)" scripts/lint.sh

format: ## lay out all Swift files as .swift-format says
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests

example-config: deps ## write config/vireo.yaml anew from the table of settings
	VIREO_WRITE_EXAMPLE=1 $(SWIFT) test --filter DaemonTests.ExampleFileTests

install: ## install program, configuration and unit under PREFIX (run `make build` first)
	@test -x $(BINARY) || { echo "$(BINARY) is missing: run make build first" >&2; exit 1; }
	install -D -s -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/vireo
	@test -e $(DESTDIR)$(SYSCONFDIR)/vireo/vireo.yaml \
		|| install -D -m 644 config/vireo.yaml $(DESTDIR)$(SYSCONFDIR)/vireo/vireo.yaml
	install -D -m 644 systemd/vireo.sysusers $(DESTDIR)$(SYSUSERSDIR)/vireo.conf
	install -d $(DESTDIR)$(UNITDIR)
	sed -e 's|@bindir@|$(PREFIX)/bin|g' -e 's|@sysconfdir@|$(SYSCONFDIR)|g' systemd/vireo.service \
		> $(DESTDIR)$(UNITDIR)/vireo.service
	@chmod 644 $(DESTDIR)$(UNITDIR)/vireo.service

clean: ## remove what was built
	rm -rf .build

deps: ## install what the build needs and the machine lacks (Debian)
	@scripts/install-packages.sh $(BUILD_PACKAGES)

test-deps: deps ## install what the tests need and the machine lacks (Debian)
	@scripts/install-packages.sh $(TEST_PACKAGES)
