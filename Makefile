# Every target does its own set-up. See README.md for the two that matter: run and test.
.PHONY: run test slow browser rig boot ansible image image-test image-cuts image-screenshots check bench docs screenshots setup lock clean

VENV := .venv
BIN := $(VENV)/bin

run: setup
	$(BIN)/meshgate demo

test: setup
	$(BIN)/pytest

slow: setup
	$(BIN)/pytest -m "slow and not browser and not ansible and not image"

# The pages of real gateways in Debian's Chromium; takes about five minutes.
browser: setup
	$(BIN)/pytest -m browser tests/browser

# Beside a real bluetoothd, in a guest of its own; the first time builds that guest's kernel. See tests/rig/README.md.
rig: setup
	tests/rig/rig test

# The service under a systemd of its own, in a container; needs root.
boot: setup
	tests/boot/boot test

# The Ansible roles on a Debian root directory, started in a container; needs root. The first time makes that directory.
ansible: setup
	tests/ansible/lane test

# The SD card image of Debian's packages, in build/image; needs root. The first time takes half an hour, later ones ten minutes.
image: setup
	@.ci/debian mmdebstrap dosfstools mtools e2fsprogs fdisk zstd xz-utils qemu-user-static binfmt-support gcc-aarch64-linux-gnu
	$(BIN)/python image/debian/build

# The image of `make image`, booted in QEMU as two boards; takes about an hour.
image-test: setup
	tests/image/boot/boot test

# The same with the power going off in the middle of everything; takes hours.
image-cuts: setup
	tests/image/boot/boot cuts

# Pictures of the page of a booted image, into docs/screenshots.
image-screenshots: setup
	tests/image/boot/boot screenshots

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/reference --check
	$(BIN)/mkdocs build --strict --quiet --site-dir build/site

bench: setup
	$(BIN)/python tests/perf/run.py --json build/bench.json

setup:
	@.ci/setup $(VENV)

lock:
	.ci/lock

clean:
	rm -rf build dist $(VENV)

# Look at every page with Debian's Chromium and write docs/screenshots anew; takes a minute.
screenshots: setup
	$(BIN)/python tests/browser/screenshots.py

# Write docs/reference anew from the code.
docs: setup
	$(BIN)/python .ci/reference
