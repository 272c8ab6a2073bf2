# Everything a fresh clone needs: Python 3.11 or newer with venv and pip. `make chat` and `make test` do the rest.
PYTHON ?= python3
VENV ?= .venv
STORE ?= stores/demo
PORT ?= 7860
BENCHMARKS ?= runs/benchmarks
DATA ?= ../shared/data
SEED ?= 1
# Where results go that `shop report --runs` reads.
RESULTS ?= runs/results
WORKERS ?= 2
# Each holds models of its own: up to 4 GB.
TEST_PROCESSES ?= 2
# What a quarter of an hour holds on two cores.
SAMPLE ?= 6000
VARIANT_SAMPLE ?= 1000
# Of `make report`: validation while something is still being chosen.
PART ?= test
BENCHMARK_STORE = $(if $(filter 1,$(SEED)),store,store-seed$(SEED))
# RecBole's versions contradict ours, so its baselines have an environment of their own; scipy 1.10 ends at Python 3.11.
RECBOLE_VENV ?= .venv-recbole
RECBOLE_PYTHON ?= python3.11
# Minutes of processor time for the search and the training of one baseline on one split.
BUDGET ?= 6
BASELINES = popularity item-knn bm25 vectors search \
	$(addprefix recbole-,gru4rec sasrec bert4rec nextitnet core)
SHOP = $(VENV)/bin/shop

.PHONY: chat test screenshots demo ablations baselines benchmark-table understanding report lint clean

chat: $(STORE)/store.json
	$(SHOP) chat --store $(STORE) --port $(PORT)

test: $(VENV)/.installed-test axe
	$(VENV)/bin/ruff check .
	$(VENV)/bin/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile

# The page in eight states, from the running app; it takes a Chromium.
screenshots: $(VENV)/.installed-test $(STORE)/store.json
	$(VENV)/bin/python -m shopping_assistant.ui.screenshots --store $(STORE) --out docs/screenshots

# The demo shop's models again, from nothing: about an hour on two cores.
demo: $(VENV)/.installed
	$(VENV)/bin/python -m shopping_assistant.finetune.demo

# Variants of a shop's recommender for `shop replay --ablations`, into $(STORE)-ablations: about an hour of one core, or
# BUDGET minutes. What is trained already is kept, and an interrupted variant goes on.
ablations: $(STORE)/store.json
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m shopping_assistant.finetune.ablations --store $(STORE) \
		$(if $(filter command environment,$(firstword $(origin BUDGET))),--budget $(BUDGET))

# RecBole's baselines, trained in their own environment; what has been run already is kept. `make baselines STORE=DIR`
# makes them for that store, where `shop replay --system recbole-sasrec` finds them; without STORE they are run on the
# splits under $(BENCHMARKS). Either takes BUDGET minutes of one core for each of the five models and splits.
ifeq ($(origin STORE),file)
baselines: $(RECBOLE_VENV)/.installed
	OMP_NUM_THREADS=1 $(RECBOLE_VENV)/bin/python eval/recbole/run.py all --runs $(BENCHMARKS) --budget $(BUDGET)
	$(RECBOLE_VENV)/bin/python eval/recbole/run.py table --runs $(BENCHMARKS)
else
baselines: $(RECBOLE_VENV)/.installed $(STORE)/store.json
	$(VENV)/bin/python -m shopping_assistant.eval.sequence_baselines export --store $(STORE)
	OMP_NUM_THREADS=1 $(RECBOLE_VENV)/bin/python eval/recbole/shop_run.py $(STORE)/baselines/recbole --budget $(BUDGET)
	@echo 'Beside the others: $(SHOP) replay --store $(STORE) $(addprefix --system=,$(BASELINES))'
endif

# One benchmark from its data to its ranks: `make benchmark-beauty DATA=../shared/data`. SEED=2 for another seed's models.
benchmark-%: $(VENV)/.installed
	$(VENV)/bin/python -m shopping_assistant.eval.benchmarks prepare $* --data $(DATA) --out $(BENCHMARKS) --seed $(SEED)
	$(SHOP) build --store $(BENCHMARKS)/$*/$(BENCHMARK_STORE) --config finetune/configs/build-$*.yaml --seed $(SEED)
	$(VENV)/bin/python -m shopping_assistant.eval.benchmarks rank $* --out $(BENCHMARKS) --seed $(SEED)

benchmark-table: $(VENV)/.installed
	$(VENV)/bin/python -m shopping_assistant.eval.benchmarks table --out $(BENCHMARKS)

# What people typed, through the assistant: the sets under $(DATA).
understanding: $(VENV)/.installed
	$(VENV)/bin/python -m shopping_assistant.eval.understanding all --data $(DATA) --out $(RESULTS) --full

# A shop's whole evaluation as one page, $(RESULTS)/report.html. It trains nothing: run `make ablations` and `make
# baselines STORE=DIR` before, or their parts are left out. It asks SAMPLE sessions (all of them by SAMPLE=), the
# ablations VARIANT_SAMPLE; what is done stays.
report: $(STORE)/store.json
	$(SHOP) replay --store $(STORE) --system all --part $(PART) --workers $(WORKERS) \
		$(if $(SAMPLE),--sample $(SAMPLE)) --out $(RESULTS)/replay
	$(if $(wildcard $(STORE)-ablations),$(SHOP) replay --store $(STORE) --ablations --part $(PART) --workers $(WORKERS) \
		--sample $(VARIANT_SAMPLE) --out $(RESULTS))
	$(SHOP) simulate --store $(STORE) --part $(PART) --workers $(WORKERS) $(addprefix --assistant=,agent search search-all) \
		--out $(RESULTS)/simulate
	$(if $(wildcard $(DATA)/simmc2),$(VENV)/bin/python -m shopping_assistant.eval.understanding all --data $(DATA) \
		--workers $(WORKERS) --out $(RESULTS))
	$(SHOP) report --runs $(RESULTS)

lint: $(VENV)/.installed-test
	$(VENV)/bin/ruff check .

$(STORE)/store.json: | $(VENV)/.installed
	$(SHOP) demo --store $(STORE)

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

# axe-core finds what would shut people out of the page. Where npm is missing or reaches nothing, those tests skip.
.PHONY: axe
axe: | $(VENV)/.installed-test
	@mkdir -p $(VENV)/axe
	@cmp -s tests/ui/page/axe/package-lock.json $(VENV)/axe/package-lock.json || \
		{ cp tests/ui/page/axe/package*.json $(VENV)/axe/ \
		&& npm ci --prefix $(VENV)/axe --ignore-scripts --no-audit --no-fund --silent; } || \
		{ rm -f $(VENV)/axe/package-lock.json; echo "axe-core is left out: it takes npm and its registry"; }

$(RECBOLE_VENV)/.installed: eval/recbole/constraints.txt
	$(RECBOLE_PYTHON) -m venv $(RECBOLE_VENV)
	$(RECBOLE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c $< recbole torch polars setuptools
	touch $@

clean:
	rm -rf $(VENV) $(RECBOLE_VENV) stores build *.egg-info
