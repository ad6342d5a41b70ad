# Vireo, a caching DNS server. `make help` lists what can be made; CONTRIBUTING.md says more.

SWIFT          ?= swift
PREFIX         ?= /usr/local
SYSCONFDIR     ?= /etc
UNITDIR        ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR    ?= $(PREFIX)/lib/sysusers.d
MANDIR         ?= $(PREFIX)/share/man
BASHDIR        ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR         ?= $(PREFIX)/share/zsh/site-functions
FISHDIR        ?= $(PREFIX)/share/fish/vendor_completions.d
DESTDIR        ?=
LISTEN         ?= 127.0.0.1:5300
ARGS           ?=
TARGET         ?= all
SECONDS        ?= 30

# The program stands alone: Swift's runtime is linked in, and modules are optimised across their borders.
RELEASE_FLAGS  := -c release --static-swift-stdlib -Xswiftc -cross-module-optimization -Xswiftc -enforce-exclusivity=unchecked
BINARY         := .build/release/vireo

# What is installed besides.
PAGES           := vireo.8 vireo.yaml.5 vireo-cache.1
bash_completion := $(BASHDIR)/vireo
zsh_completion  := $(ZSHDIR)/_vireo
fish_completion := $(FISHDIR)/vireo.fish

# What the build needs, and what the tests need besides, as Debian calls them.
BUILD_PACKAGES := libevent-dev libhiredis-dev libboost-context-dev libssl-dev libnghttp2-dev zlib1g-dev libyaml-dev \
	libunistring-dev
TEST_PACKAGES  := openssl dnsdist nsd bind9 bind9-utils knot pdns-server pdns-backend-bind unbound redis-server \
	bind9-dnsutils knot-dnsutils dnsperf ldnsutils valgrind binutils prometheus curl chromium fstrm-bin \
	libnss3-tools python3 iproute2 dpkg-dev
BENCH_PACKAGES := unbound dnsdist pdns-recursor knot-resolver bind9 dnsmasq-base nsd dnsperf util-linux gnuplot-nox \
	valgrind binutils python3

# Modules that have a catalogue of documentation.
DOCUMENTED     := Green,GreenTLS,GreenRedis,GreenHTTP,GreenHTTP2,GreenDNS,DNSWire
comma          := ,
# What a sanitizer reports ends a process with 66. Greenlets have stacks of their own, which AddressSanitizer's fake stacks and
# search for leaks do not know.
SANITIZED      := TSAN_OPTIONS="exitcode=66 $(TSAN_OPTIONS)" \
	ASAN_OPTIONS="exitcode=66 detect_leaks=0 detect_stack_use_after_return=0 $(ASAN_OPTIONS)"
# Reloads, flushes, and restarts of Redis under load; a report of a sanitizer is a wrong exit code at the end.
SANITIZED_LOAD := python3 Tests/Chaos/chaos.py mixed --short --seconds 60 --rate 400 --stop-within 60

.DEFAULT_GOAL  := help
.PHONY: help run build test scenarios simulator simulate chaos test-sanitize test-sanitize-thread test-sanitize-address fuzz traps docs api lint format example-config man install uninstall deb trial clean \
	deps test-deps \
	bench bench-green bench-instructions bench-hit-ratio bench-snapshot bench-deps measure

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build, and serve on 127.0.0.1:5300 from memory (LISTEN=…, ARGS='--upstream …')
	@echo
	@echo "Serving on $(LISTEN); stop with Ctrl-C. Try, from another terminal:"
	@echo "  dig @$(firstword $(subst :, ,$(LISTEN))) -p $(lastword $(subst :, ,$(LISTEN))) www.debian.org"
	@echo
	@exec $(BINARY) serve --listen $(LISTEN) $(ARGS)

build: deps ## build the release program, .build/release/vireo
	$(SWIFT) build $(RELEASE_FLAGS) --product vireo

test: build measure test-deps ## run all tests, the end-to-end ones on the release program
	VIREO_BINARY=$(CURDIR)/$(BINARY) VIREO_MEASURE=$(CURDIR)/.build/release/Measure $(SWIFT) test $(ARGS)

scenarios: deps ## run scenario files on the simulated daemon (ARGS=FILES; without it all of ours)
	$(SWIFT) build --product vireo-scenario
	.build/debug/vireo-scenario $(or $(ARGS),Tests/Resources/scenarios)

simulator: deps
	$(SWIFT) build $(RELEASE_FLAGS) --product vireo-simulate

simulate: simulator ## run the whole daemon in simulated worlds, one from each seed (SEEDS=1000 FROM=1, or SEED=n again with its trace)
	.build/release/vireo-simulate $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000) --from $(or $(FROM),1) --jobs $$(nproc))

chaos: build test-deps ## try faults of the real system on the built program (40 minutes; SHORT=1: one; ARGS="loss interface"; ARGS=--list)
	VIREO_BINARY=$(or $(VIREO_BINARY),$(CURDIR)/$(BINARY)) python3 Tests/Chaos/chaos.py $(if $(SHORT),--short) $(ARGS)

test-sanitize: test-sanitize-thread test-sanitize-address ## run all tests, and 60 s of mixed load, under ThreadSanitizer and AddressSanitizer

test-sanitize-thread test-sanitize-address: test-sanitize-%: test-deps
	$(SWIFT) build --build-tests --sanitize=$* --scratch-path .build-$*
	VIREO_BINARY=$(CURDIR)/.build-$*/debug/vireo $(SANITIZED) \
		$(SWIFT) test --skip-build --sanitize=$* --scratch-path .build-$* $(ARGS)
	VIREO_BINARY=$(CURDIR)/.build-$*/debug/vireo $(SANITIZED) $(SANITIZED_LOAD)

fuzz: deps ## try readers of strangers' bytes with libFuzzer (TARGET=message SECONDS=60; TARGET=all, SECONDS for each)
	SWIFT="$(SWIFT)" scripts/fuzz.sh run $(TARGET) $(SECONDS)

traps: deps ## list arithmetic that can trap in what reads strangers' bytes, where it was not reviewed yet (scripts/traps.txt)
	$(SWIFT) build
	SWIFT="$(SWIFT)" scripts/traps.py $(ARGS)

bench-green: deps ## measure Green beside gevent and Swift tasks (some minutes; wants an idle machine)
	$(SWIFT) build $(RELEASE_FLAGS) --product green-bench
	@test -x .build-bench/venv/bin/python || python3 -m venv .build-bench/venv
	@.build-bench/venv/bin/python -c 'import gevent' 2>/dev/null || .build-bench/venv/bin/pip install --quiet gevent
	@$(CC) -O2 -o .build-bench/echo-floor Benchmarks/green/echo_floor.c
	@.build-bench/venv/bin/python Benchmarks/beside_gevent.py .build/release/green-bench .build-bench/echo-floor $(ARGS)

docs: deps ## build the documentation of Green, what stands on it, and DNSWire into .build-docs, a folder for each
	rm -rf .build-docs/symbols && mkdir -p .build-docs/symbols
	VIREO_ONLY=$(DOCUMENTED) $(SWIFT) build --scratch-path .build-docs/build \
		-Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc $(CURDIR)/.build-docs/symbols
	for module in $(subst $(comma), ,$(DOCUMENTED)); do \
		mkdir -p .build-docs/symbols/$$module && mv .build-docs/symbols/$$module.symbols.json .build-docs/symbols/$$module/ && \
		$(dir $(shell command -v $(SWIFT)))docc convert Sources/$$module/$$module.docc --fallback-display-name $$module \
			--fallback-bundle-identifier $$module --additional-symbol-graph-dir .build-docs/symbols/$$module \
			--output-path .build-docs/$$module || exit 1; \
	done

bench: build ## measure vireo beside the Debian peers that are installed (ARGS='--modes hit --rounds 1 --dry')
	python3 Benchmarks/bench.py $(ARGS)

bench-instructions: measure ## count the instructions of a cached answer and of a stored reply
	python3 Benchmarks/in_process.py instructions $(ARGS)

bench-hit-ratio: measure ## compare how often the cache has the answer with LRU, on a trace of real names
	python3 Benchmarks/in_process.py hit-ratio $(ARGS)

bench-snapshot: measure ## time writing and reading a snapshot of a million names, and what a worker notices
	.build/release/Measure snapshot 1000000

measure: deps
	$(SWIFT) build $(RELEASE_FLAGS) --product Measure

api: deps ## record the public API of the libraries, which lint compares with (docs/api)
	$(SWIFT) build
	scripts/api.sh record .build/debug

lint: deps ## check format, house rules, warnings, scripts, unit files and the example configuration
	SWIFT="$(SWIFT)" scripts/lint.sh

format: ## lay out all Swift files as .swift-format says
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests Examples Benchmarks Fuzzing

example-config: deps ## write config/vireo.yaml anew from the table of settings
	VIREO_WRITE_EXAMPLE=1 $(SWIFT) test --filter 'DaemonTests.(ExampleFileTests|ManualPageTests)'

man: deps ## write packaging/man anew from the table of settings and the commands' own help
	VIREO_WRITE_EXAMPLE=1 $(SWIFT) test --filter 'ManualPageTests|CommandManualTests'

install: ## install program, configuration, unit, manual and completions under PREFIX (run `make build` first)
	@test -x $(BINARY) || { echo "$(BINARY) is missing: run make build first" >&2; exit 1; }
	install -D -s -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/vireo
	@test -e $(DESTDIR)$(SYSCONFDIR)/vireo/vireo.yaml \
		|| install -D -m 640 config/vireo.yaml $(DESTDIR)$(SYSCONFDIR)/vireo/vireo.yaml
	@# It may hold a password: for root and for the group that the service runs as, once systemd-sysusers has made it.
	@chgrp vireo $(DESTDIR)$(SYSCONFDIR)/vireo/vireo.yaml 2>/dev/null \
		|| echo "then: systemd-sysusers && chgrp vireo $(SYSCONFDIR)/vireo/vireo.yaml"
	install -D -m 644 systemd/vireo.sysusers $(DESTDIR)$(SYSUSERSDIR)/vireo.conf
	install -d $(DESTDIR)$(UNITDIR)
	sed -e 's|@bindir@|$(PREFIX)/bin|g' -e 's|@sysconfdir@|$(SYSCONFDIR)|g' systemd/vireo.service \
		> $(DESTDIR)$(UNITDIR)/vireo.service
	@chmod 644 $(DESTDIR)$(UNITDIR)/vireo.service
	install -m 644 systemd/vireo.socket systemd/vireo-tls.socket $(DESTDIR)$(UNITDIR)
	install -D -m 644 systemd/socket-activated.conf $(DESTDIR)$(PREFIX)/share/vireo/socket-activated.conf
	for page in $(PAGES); do \
		install -D -m 644 packaging/man/$$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page || exit 1; \
	done
	install -d $(foreach shell,bash zsh fish,$(dir $(DESTDIR)$($(shell)_completion)))
	for shell in $(foreach shell,bash zsh fish,$(shell):$(DESTDIR)$($(shell)_completion)); do \
		$(BINARY) --generate-completion-script $${shell%%:*} > $${shell#*:} && chmod 644 $${shell#*:} || exit 1; \
	done
	@# It is read by a shell, not run.
	sed -i '1{/^#!/d}' $(DESTDIR)$(bash_completion)

uninstall: ## take away what `make install` has put under PREFIX; the configuration and the cache stay
	rm -f $(DESTDIR)$(PREFIX)/bin/vireo $(DESTDIR)$(UNITDIR)/vireo.service $(DESTDIR)$(SYSUSERSDIR)/vireo.conf \
		$(DESTDIR)$(UNITDIR)/vireo.socket $(DESTDIR)$(UNITDIR)/vireo-tls.socket \
		$(DESTDIR)$(PREFIX)/share/vireo/socket-activated.conf \
		$(foreach page,$(PAGES),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(page)) \
		$(foreach shell,bash zsh fish,$(DESTDIR)$($(shell)_completion))
	@echo "these stay, if they are there: $(DESTDIR)$(SYSCONFDIR)/vireo $(DESTDIR)/var/cache/vireo, the user vireo"

deb: build ## make a Debian package, .build/deb/vireo_…deb
	@rm -f .build/deb/vireo_*.deb
	@command -v dpkg-shlibdeps >/dev/null || scripts/install-packages.sh dpkg-dev
	scripts/make-deb.sh $(BINARY) .build/deb

trial: deb ## try the package on a fresh Debian 12, booted in a container: installed, restarted under load, upgraded, purged (root)
	@command -v debootstrap >/dev/null && command -v systemd-nspawn >/dev/null \
		|| scripts/install-packages.sh debootstrap systemd-container
	@command -v lintian >/dev/null || scripts/install-packages.sh lintian
	lintian --fail-on error,warning .build/deb/vireo_*.deb
	scripts/trial.sh .build/deb/vireo_*.deb .build/trial

clean: ## remove what was built
	rm -rf .build

deps: ## install what the build needs and the machine lacks (Debian)
	@scripts/install-packages.sh $(BUILD_PACKAGES)

test-deps: deps ## install what the tests need and the machine lacks (Debian)
	@scripts/install-packages.sh $(TEST_PACKAGES)

bench-deps: deps ## install the peers and tools that benchmarks need and the machine lacks (Debian)
	@scripts/install-packages.sh $(BENCH_PACKAGES)
