# Everything a fresh clone needs: Python 3.11 or newer with venv and pip. `make chat` and `make test` do the rest.
PYTHON ?= python3
VENV ?= .venv
STORE ?= stores/demo
PORT ?= 7860
SHOP = $(VENV)/bin/shop

.PHONY: chat test demo lint clean

chat: $(STORE)/store.json
	$(SHOP) chat --store $(STORE) --port $(PORT)

test: $(VENV)/.installed-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/python -m pytest

# The demo shop's models again, from nothing: about an hour on two cores.
demo: $(VENV)/.installed
	$(VENV)/bin/python -m shopping_assistant.finetune.demo

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

clean:
	rm -rf $(VENV) stores build *.egg-info
