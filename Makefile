# make demo    set up, build, train and compare two small layers on the images inside the program
# make build   set up, build target/release/softhebb
# make test    set up, all tests
# make check   formatting, lints, documentation
# make bench   benchmarks
# make figures the paper's figures and tables, from what is committed under results/
# make notebooks  executes notebooks/ in place

CACHE ?= $(or $(SOFTHEBB_CACHE),$(HOME)/.cache/softhebb)
PYTHON := $(CACHE)/venv/bin/python
# One profile for everything, so that torch-sys is built once.
CARGO := cargo
PROFILE := --release

.PHONY: demo build test check bench figures notebooks setup python clean

demo: build
	./target/release/softhebb run

build: setup
	$(CARGO) build $(PROFILE) --locked

# libtorch is a part of PyTorch; on the CPU the whole of it can be imported, too, to test that checkpoints cross over.
test: setup python
	SOFTHEBB_TORCH_PYTHON="$$($(PYTHON) scripts/cpu_pytorch.py .libtorch "$(CACHE)/pytorch")" \
	SOFTHEBB_PYTHON="$(PYTHON)" SOFTHEBB_REQUIRE_PYTHON=1 $(CARGO) test $(PROFILE) --locked

check: setup
	$(CARGO) fmt --check
	$(CARGO) clippy $(PROFILE) --locked --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc $(PROFILE) --locked --no-deps
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check advisories; else echo "cargo-deny is not installed: advisories are not checked"; fi

# Each hot function beside its plain form, then a preset's training against the machine's own products.
bench: build
	$(CARGO) bench --locked
	./target/release/softhebb bench

# One script a figure; each draws what was run here beside what the paper prints, and the last one lists them.
FIGURES := $(sort $(wildcard scripts/figures/fig[0-9]*.py scripts/figures/table[0-9]*.py scripts/figures/b[0-9]*.py))

figures: python
	@for figure in $(FIGURES) scripts/figures/index.py; do PYTHONDONTWRITEBYTECODE=1 "$(PYTHON)" $$figure || exit 1; done

# Both notebooks from their first cell to their last with the built program, less what changes from one machine to the next.
notebooks: build python
	PYTHONDONTWRITEBYTECODE=1 "$(PYTHON)" scripts/notebooks.py

# libtorch in a cache folder that all checkouts share, and the link .libtorch to it.
setup:
	@./scripts/setup.sh

# What the tests read our files back with (tensorboard, pandas) and the figures are drawn with, in a virtual environment of its own.
python: $(CACHE)/venv/.done-$(shell sha256sum scripts/requirements.txt | cut -c1-16)

$(CACHE)/venv/.done-%: scripts/requirements.txt
	python3 -m venv "$(CACHE)/venv"
	"$(PYTHON)" -m pip install --quiet --disable-pip-version-check -r scripts/requirements.txt
	rm -f "$(CACHE)"/venv/.done-*
	touch "$@"

clean:
	$(CARGO) clean
