# Every target is what CI runs. Versions: constraints.txt, always.
.DELETE_ON_ERROR:
.PHONY: demo test test-slow lint format bench clean

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
DATA := mini
RUNS := runs/demo
TASK := multiplane
PACKAGES := medshape_text benchmark genmed baselines leaderboard
METHODS := genmed input-conditioned mean-shape interpolation

# The first run builds the mini data set in the cache, where every later command finds it.
demo: $(BIN)/.installed
	for method in $(METHODS); do \
	  $(BIN)/genmed-bench run --method $$method --task $(TASK) --data $(DATA) --out $(RUNS)/$$method || exit; \
	done
	$(BIN)/genmed-bench compare $(METHODS:%=$(RUNS)/%)
	$(BIN)/genmed-bench report $(METHODS:%=$(RUNS)/%) --data $(DATA) -o $(RUNS)/report.html
	@echo "Report: file://$(CURDIR)/$(RUNS)/report.html"

test: $(BIN)/.installed
	$(BIN)/python -m pytest -n $(WORKERS)

test-slow: $(BIN)/.installed
	$(BIN)/python -m pytest -n $(WORKERS) -m slow --ignore=tests/perf

lint: $(BIN)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(BIN)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# One thread a measurement, beside the packages people use; where one cannot be installed its rows are left out.
bench: $(BIN)/.installed
	-$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[peers]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/perf -m "slow or not slow"

clean:
	rm -rf .venv $(RUNS) build dist *.egg-info

# uv resolves in seconds; where it cannot be had, pip does the same. uv does not read pip's find-links: hand them over.
# Bytecode now, ours too: where PYTHONDONTWRITEBYTECODE is set, as in most containers, every start compiles it anew.
$(BIN)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	if $(BIN)/python -m pip install --quiet uv; then \
	  UV_FIND_LINKS="$${UV_FIND_LINKS-$$PIP_FIND_LINKS}" \
	  $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev]'; \
	else \
	  $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'; \
	fi
	$(BIN)/python -m compileall -q $(PACKAGES)
	touch $@
