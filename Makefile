# make demo   environment, package, and a whole study on synthetic voices
# make test   environment, everything the tests need, and the tests but the slow ones
# make check  every quality gate: style, types, layers, all tests with coverage
# make bench  the measured tables of docs/
# make docs   the documentation site, in docs/_build/html; a warning is an error
# make pictures  docs/images from the report of the demo; needs chromium
VENV   ?= .venv
PYTHON ?= python3
PIP    := $(VENV)/bin/python -m pip
TORCH  := $(shell grep '^torch==' constraints.txt)

.PHONY: demo test check lint bench docs pictures clean
.DELETE_ON_ERROR:

$(VENV)/.torch: constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cogspeech needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet $(TORCH)
	touch $@

$(VENV)/.demo: $(VENV)/.torch pyproject.toml
	$(PIP) install --quiet -c constraints.txt -e '.[demo]'
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(PIP) install --quiet -c constraints.txt -e '.[align,asr,browser,demo,docs,explain,export,media,opensmile,peft,ray,serve,tensorboard,tune,vad,test,dev]'
	touch $@

demo: $(VENV)/.demo
	$(VENV)/bin/cogspeech demo --out cogspeech-demo

# Two processes of one thread each: on two cores that is faster than one of two threads.
PYTEST := OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist loadfile

test: $(VENV)/.test
	$(PYTEST)

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

check: lint
	$(PYTEST) -m 'slow or not slow' --cov --cov-report=term --cov-fail-under=95

BENCHMARKS := startup chat_reader word_error_rate alignment_error embedding_engine \
	planted_leaks audit_scale alignment_task training_cost finetuning_cost crash_suite \
	known_truth interval_coverage outcome_coverage false_alarms planted_optimism evaluation_cost \
	leave_one_out calibration_coverage planted_artefacts attribution_truth attribution_demo \
	report_cost listening_cost bundle_mutations onnx_parity predict_cost service_attacks

bench: $(VENV)/.test
	set -e; for name in $(BENCHMARKS); do $(VENV)/bin/python benchmarks/$$name.py; done

docs: $(VENV)/.test
	$(VENV)/bin/sphinx-build -E -a -b html -W --keep-going -n docs docs/_build/html

pictures: demo $(VENV)/.test
	$(VENV)/bin/python docs/make_pictures.py cogspeech-demo/run

clean:
	rm -rf $(VENV) cogspeech-demo docs/_build
