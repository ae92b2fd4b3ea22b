# The commands of the README. Everything runs from .venv, built from requirements.lock.

PYTHON ?= python3
CORES ?= 2
# Tests that run on Slurm or start workflows wait much: one more of them than cores. The longest files come first.
WORKERS ?= $$(( $(CORES) + 1 ))
BIN := .venv/bin

.PHONY: help environment data report example pictures docs test lint lock clean

help:
	@echo "make report   phantom cohort to results/report.pdf (minutes on two cores)"
	@echo "make example  the same: the example report"
	@echo "make docs     the documentation, to site/index.html"
	@echo "make pictures the pictures of the README, from results/"
	@echo "make test     the whole test suite"
	@echo "make lint     ruff, mypy, snakefmt, snakemake --lint"
	@echo "make data     the phantom cohort alone, in data/phantom"
	@echo "make lock     bring requirements.lock and envs/ up to date with pyproject.toml"

environment: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@echo "Building the environment in .venv (a few minutes the first time) ..."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

data: data/phantom/assessments/simulated_2.tsv data/population/participants.tsv

# The file that is written last.
data/phantom/assessments/simulated_2.tsv: | .venv/ready
	@echo "Writing the phantom cohort to data/phantom ..."
	$(BIN)/cinecohort phantom data/phantom --subjects 24 --frames 20 --seed 1 --jobs $(CORES)

data/population/participants.tsv: | .venv/ready
	@echo "Writing the tables of the phantom population to data/population ..."
	$(BIN)/cinecohort phantom data/population --tables-only --subjects 5000 --seed 1

report: .venv/ready data
	@echo "Running the workflow on $(CORES) cores ..."
	$(BIN)/snakemake --cores $(CORES)
	$(BIN)/snakemake --cores $(CORES) --configfile config/population.yaml
	@echo "Done: results/report.pdf, and results/population/report.pdf of a study of 5,000"

example: report

docs: .venv/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "Done: site/index.html"

pictures: .venv/ready
	$(BIN)/python docs/pictures.py results docs/images

test: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: .venv/ready data
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint envs/Dockerfile
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --editable ".[workflow,test,lint,docs]"
	.venv-lock/bin/python envs/write_pins.py
	rm -rf .venv-lock

clean:
	rm -rf results/[!R]* data site .snakemake
