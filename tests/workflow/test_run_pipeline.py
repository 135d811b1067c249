"""The run of a tier: what it says before and after, and what it clears away."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from snakemake.cli import parse_config
from snakemake.settings.types import ConfigSettings

import run_pipeline
from benign.pipeline import console, settings, tables
from benign.pipeline.console import Ticker, UserError
from support import ROOT, made_by_the_pipeline

STUDY = "adversarial_training"
SMOKE = {**settings.read_yaml(settings.tier_file("smoke")), "data": {"mnist": "none", "cifar10": "none"}}
STORED = {"seconds_per_cell": 2.0, "machine": "a machine"}
JOBS = {
    "plan": 1.0, "slice": 30.0, "collect": 2.0, "figures": 40.0, "pictures": 70.0, "claims": 3.0,
    "claims_page": 2.0, "gallery": 2.0, "provenance": 5.0, "crate": 1.0, "site": 8.0, "snakemake": 600.0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_run_that_fails_says_why_where_it_fails_and_exits_as_snakemake_does(folder: Path) -> None:
    """And gets a folder whatever its name is."""
    root = folder / "a: it's, [b] #1"
    root.mkdir()
    command = [sys.executable, str(ROOT / "scripts" / "run_pipeline.py"), "--tier", "smoke", "--config"]
    command += ["studies=[real_data]", f"mnist_root={root}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert f"{root}/MNIST/raw/train-images-idx3-ubyte is missing: give the folder that holds" in answer.stderr
    assert "smoke: not finished (exit status 1)" in answer.stderr
    assert "logs/smoke/snakemake.log" in answer.stderr
    assert tables.read_json(folder / "logs" / "smoke" / "run.json")["exit_status"] == 1


@pytest.mark.slow
def test_a_user_without_a_home_and_a_name_runs_a_tier(example_run: Path, folder: Path) -> None:
    """As in a container with any number for its user. Root can write to every home but this one."""
    command = [sys.executable, str(example_run / "scripts" / "run_pipeline.py"), "--tier", "smoke", "--cores", "2"]
    environment = {name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", "MPLCONFIGDIR")}
    environment |= {"HOME": "/dev/null", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(example_run / "src")}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "Matplotlib created a temporary" not in (folder / "logs/smoke/james_stein/figures.log").read_text()
    assert made_by_the_pipeline(folder) == made_by_the_pipeline(example_run)


@pytest.mark.parametrize("home", ["/dev/null", "~nobody-of-that-name"])
def test_caches_go_into_the_folder_of_the_run_where_there_is_no_home(
    home: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(folder / "home"))
    assert "XDG_CACHE_HOME" not in run_pipeline.environment()
    monkeypatch.setenv("HOME", home)
    found = run_pipeline.environment()
    assert found["XDG_CACHE_HOME"] == str(folder / ".snakemake" / "cache")
    assert Path(found["MPLCONFIGDIR"]).is_relative_to(found["XDG_CACHE_HOME"])
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "mine"))
    assert run_pipeline.environment()["XDG_CACHE_HOME"] == str(folder / "mine")


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_has_its_number_for_one(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> NoReturn:
        raise error(f"uid not found: {number}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    assert "USER" not in run_pipeline.environment()
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert run_pipeline.environment()["USER"] == str(os.getuid())


@pytest.mark.parametrize(
    "values",
    [
        ["studies=[linear_classifier]"],
        ["studies=[linear_classifier, real_data]", "device=cuda"],
        ["data={mnist: none}"],
        ["device='cuda'"],
        ["mnist_root=/a b"],
    ],
)
def test_values_are_laid_over_the_tier_as_snakemake_lays_them(values: list[str]) -> None:
    file = settings.tier_file("smoke")
    read = ConfigSettings(config=parse_config(values), configfiles=[file]).overwrite_config
    found = run_pipeline.laid_over(settings.read_yaml(file), [console.name_and_value(value) for value in values])
    assert found == read != settings.read_yaml(file)


@pytest.mark.parametrize("name", ["/a: b", "/a #1", "12", "'a'", "[a]", "~"])
def test_a_folder_s_name_is_taken_as_it_stands(name: str) -> None:
    assert run_pipeline.laid_over(dict(SMOKE), [("mnist_root", name)])["mnist_root"] == name


def test_a_value_of_no_setting_is_an_error_that_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    for value, complaint in {"1=2": "--config 1=2: ", "studies=[no]": "studies: no: the studies are"}.items():
        assert run_pipeline.main(["--tier", "smoke", "--config", value]) == 2
        assert complaint in capsys.readouterr().err


# ---------------------------------------------------------------- what a killed run left


def leave(*names: str) -> list[Path]:
    """Files as a kill leaves them."""
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return [Path(name) for name in names]


def process(folder: Path, script: str, *arguments: str, seconds: float = 60) -> subprocess.Popen[bytes]:
    """Python at work in that folder, running a script of that name which does nothing."""
    (folder / script).parent.mkdir(parents=True, exist_ok=True)
    (folder / script).write_text(f"import time; time.sleep({seconds})")
    started = subprocess.Popen([sys.executable, script, *arguments], cwd=folder)
    while not Path("/proc", str(started.pid), "cmdline").read_bytes():  # for a moment it has no command line yet
        time.sleep(0.01)
    return started


@pytest.mark.parametrize(
    ("line", "program"),
    [
        ("/a/.venv/bin/python -m snakemake --cores 2", "snakemake"),
        ("/a/.venv/bin/python /a/.venv/bin/snakemake --cores 2", "snakemake"),
        ("python3.13t -X dev -Wignore -Bu -W error -um snakemake", "snakemake"),
        ("/usr/bin/snakemake -n", "snakemake"),
        ("python scripts/run_slice.py --plan 00.plan", "run_slice.py"),
        ("tmux new -s snakemake", "tmux"),
        ("vim snakemake", "vim"),
        ("grep -r snakemake", "grep"),
        ("python -m pytest snakemake", "pytest"),
        ("python watch.py snakemake", "watch.py"),
        ("python -c pass snakemake", ""),
        ("python", ""),
        ("", ""),
    ],
)
def test_what_a_command_line_runs_is_its_program_and_no_other_word_of_it(line: str, program: str) -> None:
    assert run_pipeline.program_of(line.split(" ")) == program


def test_locks_and_half_written_files_of_a_dead_run_are_removed_and_nothing_else(folder: Path) -> None:
    left = leave(
        ".snakemake/locks/0.input.lock",
        "scratch/smoke/study/0/checkpoints/.0.safetensors.x1.tmp",
        "resources/mnist/.sample.safetensors.x1.tmp",
        "resources/cache/.download-x1/MNIST/raw/train.gz",
        "results/smoke/.claims.json.x1.tmp",
        "figures/smoke/study/.a.png.x1.tmp",
    )
    stay = leave("scratch/smoke/study/0/rows/0-of-1.jsonl", "resources/cache/MNIST/raw/train", ".snakemake/metadata/x")
    run_pipeline.clear_remains()
    assert [path for path in left if path.exists()] == []
    assert [path for path in stay if not path.exists()] == []


def test_a_snakemake_at_work_in_the_folder_is_an_error_and_keeps_its_locks(folder: Path) -> None:
    (lock,) = leave(".snakemake/locks/0.input.lock")
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    other, here = process(elsewhere, "snakemake"), process(folder, "bin/snakemake", "--cores", "2")
    try:
        with pytest.raises(UserError, match=rf"a Snakemake \(process {here.pid}\) is at work in this folder: wait for"):
            run_pipeline.clear_remains()
        assert lock.exists()
    finally:
        for each in (other, here):
            each.kill()
            each.wait()
    run_pipeline.clear_remains()
    assert not lock.exists()


def test_a_program_that_only_has_snakemake_among_its_words_is_no_obstacle(folder: Path) -> None:
    (lock,) = leave(".snakemake/locks/0.input.lock")
    editor = process(folder, "editor", "snakemake")
    try:
        run_pipeline.clear_remains()
    finally:
        editor.kill()
        editor.wait()
    assert not lock.exists()


def test_a_slice_that_outlived_its_snakemake_is_waited_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    with process(folder, "scripts/run_slice.py", "--plan", "00.plan", seconds=2) as orphan:
        run_pipeline.clear_remains()
        assert time.monotonic() - started > 1
        assert f"still at work, processes [{orphan.pid}]: waiting for them" in capsys.readouterr().err


def test_two_runs_in_one_folder_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lock,) = leave(".snakemake/run.lock")
    with open(lock, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert run_pipeline.main(["--tier", "smoke"]) == 2
    assert "error: another run is at work in this folder and holds .snakemake/run.lock" in capsys.readouterr().err


# ---------------------------------------------------------------- before and after


def plan(stored: dict[str, Any] | None = None, study: str = STUDY) -> run_pipeline.Plan:
    return run_pipeline.Plan(study, "smoke", SMOKE, stored)


def keep(plan: run_pipeline.Plan, keys: list[str]) -> None:
    """Rows as a slice keeps them, of three seconds each."""
    file = plan.scratch / "rows" / "0-of-1.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("".join(json.dumps({"key": key, "seconds": 3.0, "row": {"key": key}}) + "\n" for key in keys))


def test_the_forecast_counts_only_what_is_not_kept_and_names_studies_without_one() -> None:
    first = plan(STORED)
    cells = len(first.cells)
    keep(first, [*sorted(first.cells)[:10], "0" * 16])  # the last is of a cell that this grid does not have
    known, unknown = plan(STORED), plan()
    assert run_pipeline.forecast("smoke", [known, unknown], 2, {}) == [
        f"smoke: {2 * cells:,} cells, 20 kept; about {(cells - 10) / 30:.1f} min of one core, "
        f"{(cells - 10) / 60:.1f} min on 2 cores (from benchmarks/cell_seconds.json)",
        f"  {STUDY}: {cells} cells, 10 kept; about {(cells - 10) / 30:.1f} min of one core (measured on a machine)",
        f"  {STUDY}: {cells} cells, 10 kept; no forecast for study {STUDY} yet",
    ]
    assert run_pipeline.forecast("smoke", [unknown], 2, {})[0].endswith("; no forecast yet")
    known.before = cells
    assert (
        run_pipeline.forecast("smoke", [known], 2, JOBS)[0] == f"smoke: {cells} cells, {cells} kept; nothing to compute"
    )


def test_the_forecast_counts_what_jobs_take_beside_their_cells() -> None:
    """A short tier is start-up and drawing: two studies, each with its slices, the tier's pages, and Snakemake."""
    known, kept = plan(STORED), plan(STORED)
    kept.before, known.slices = len(kept.cells), 3
    of_study = 2 * len(known.cells) + 1 + 30 * 3 + 2 + 40 + 3
    told = run_pipeline.forecast("smoke", [known, kept], 2, JOBS)
    wall = (of_study + 4 + 5 + 1 + 8) / 2 + 600
    assert f"about {(of_study + 18) / 60:.1f} min of one core, {wall / 60:.1f} min on 2 cores" in told[0]
    assert told[1].endswith(f"about {of_study / 60:.1f} min of one core (measured on a machine)")
    assert told[2].endswith("about 0 s of one core (measured on a machine)"), "nothing of it is left to do"
    digits = {**SMOKE, "data": {"mnist": "sample", "cifar10": "none"}}
    shows_data = run_pipeline.Plan("real_data", "smoke", digits, STORED)
    assert shows_data.beside(JOBS) == 1 + 30 * shows_data.slices + 2 + 40 + 70 + 3, "pictures of data, too"


def test_what_is_stored_knows_every_kind_of_job_of_a_study_and_a_tier() -> None:
    assert tables.read_json(settings.CELL_SECONDS)["jobs"]["seconds"].keys() == JOBS.keys()


def test_the_time_left_weighs_cells_by_what_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    short, long, unknown = plan({**STORED, "seconds_per_cell": 1.0}), plan({**STORED, "seconds_per_cell": 3.0}), plan()
    assert run_pipeline.weights([short, long, unknown]) == [1.0, 3.0, 2.0]
    assert run_pipeline.weights([unknown]) == [1.0]
    now = 0.0
    monkeypatch.setattr(console.time, "monotonic", lambda: now)
    ticker = run_pipeline.ticker("smoke", [short, long])
    now = 10.0
    ticker.advance(len(short.cells), float(len(short.cells)))
    assert ticker.pace().endswith("30 s left"), "half of the cells are done, but a quarter of the work"


def test_overhead_is_the_share_of_the_time_in_which_no_cell_was_computed() -> None:
    done = plan()
    keep(done, sorted(done.cells)[:20])
    assert done.look() == 20
    assert done.look() == 0
    record = run_pipeline.run_record("smoke", 0, 2, [done], wall=40.0)
    assert record["studies"][STUDY] == {"cells": len(done.cells), "kept": 0, "computed": 20, "seconds": 60.0}
    assert record["cell_seconds"] == 60.0
    assert record["overhead"] == pytest.approx((40 - 60 / 2) / 40)


def test_the_summary_counts_verdicts_of_each_study_and_says_where_to_read() -> None:
    verdicts = [("a", "replicated"), ("a", "replicated"), ("a", "partly"), ("b", "not run")]
    claims = [{"study": study, "verdict": verdict, "kind": "paper"} for study, verdict in verdicts]
    claims += [{"study": "b", "verdict": "replicated", "kind": "check"}]
    tables.write_json(Path("results/smoke/claims.json"), {"claims": claims})
    record = run_pipeline.run_record("smoke", 0, 2, [plan()], wall=40.0)
    record |= {"cell_seconds": 60.0, "overhead": 0.25}
    record["studies"][STUDY]["computed"] = 1200
    assert run_pipeline.summary(record) == [
        "smoke: done in 40 s on 2 cores: 1,200 cells computed in 60 s of one core, overhead 25.0% "
        "(logs/smoke/run.json)",
        "  a: 2 replicated, 1 partly",
        "  b: 1 not run; 0 of 1 checks fail",
        "  read results/smoke/claims.md (for machines: claims.json) and figures/smoke/README.md",
        "  all of it on one page, for a browser: results/smoke/site/index.html",
    ]


def test_the_summary_ends_with_what_make_verify_says() -> None:
    tables.write_json(Path("results/default/claims.json"), {"claims": []})
    record = run_pipeline.run_record("default", 0, 2, [], wall=40.0)
    lost = "results/default/ro-crate-metadata.json is not there: run the tier first (`make reproduce`)"
    assert run_pipeline.summary(record)[-2] == f"  error: {lost}"


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", ""])
def test_a_number_of_cores_that_is_none_is_an_error(text: str) -> None:
    with pytest.raises(UserError, match=r"--cores .*: give a number of cores, at least 1, or all"):
        run_pipeline.core_count(text)
    assert run_pipeline.core_count("3") == 3
    assert run_pipeline.core_count("all") >= 1


def test_seconds_per_cell_are_stored_by_tier_and_study_and_the_others_stay(folder: Path) -> None:
    here = {"processors": ["a processor"]}
    studies = {"a": {"cells": 120, "minutes": 3.0, **here}, "empty": {"cells": 0, "minutes": 0.0, **here}}
    tables.write_json(folder / "run/provenance.json", {"tier": "paper", "studies": studies})
    tables.write_json(folder / "stored.json", {"paper": {"b": STORED}, "default": {"a": STORED}})
    command = [sys.executable, str(ROOT / "benchmarks" / "cell_seconds.py"), "run", "--output", "stored.json"]
    subprocess.run(command, check=True)
    assert tables.read_json(folder / "stored.json") == {
        "paper": {"a": {"seconds_per_cell": 1.5, "machine": "a processor"}, "b": STORED},
        "default": {"a": STORED},
    }


def test_what_jobs_take_beside_cells_is_stored_from_a_run_that_computed_every_row(folder: Path) -> None:
    study = {"cells": 9, "kept": 0, "computed": 9, "seconds": 30.0}
    run: dict[str, Any] = {"exit_status": 0, "machine": {"cpu": "a processor"}, "cores": 2}
    run |= {"wall_seconds": 40.0, "cell_seconds": 30.0}
    benchmarks = {"a/slice-00": 20.0, "a/slice-01": 18.0, "a/figures": 6.0, "b/figures": 100.0, "provenance": 1.0}
    tables.write_json(folder / "results/smoke/provenance.json", {"tier": "smoke", "studies": {}})
    for name, seconds in benchmarks.items():
        tables.write_text(folder / f"logs/smoke/{name}.tsv", f"s\th:m:s\n{seconds}\t0:00:00\n")
    command = [sys.executable, str(ROOT / "benchmarks" / "cell_seconds.py"), "results/smoke", "--output", "stored.json"]

    def stored(**changes: Any) -> Any:
        tables.write_json(folder / "logs/smoke/run.json", {**run, "studies": {"a": {**study, **changes}}})
        subprocess.run(command, check=True)
        return tables.read_json(folder / "stored.json")

    assert stored(kept=1) == {"smoke": {}}, "its logs are of two runs"
    each = {"figures": 6.0, "provenance": 1.0, "slice": (38 - 30) / 2, "snakemake": 40 - 45 / 2}
    assert stored() == {"smoke": {}, "jobs": {"seconds": each, "machine": "a processor"}}


# ---------------------------------------------------------------- progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time."""
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, seconds)


def test_a_log_gets_plain_lines_with_rate_and_time_left(
    clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with Ticker("study 1/2", total=100, done=40) as ticker:
        clock(5.0)
        ticker.advance(5)
        clock(12.0)
        ticker.advance(19)
        clock(200.0)
        ticker.advance()
    assert capsys.readouterr().err.splitlines() == [
        "study 1/2: 40 of 100 cells were kept from before",
        "study 1/2: 64 of 100 cells done, 2.0 cells/s, 18 s left",
        "study 1/2: 65 of 100 cells done, 8 s a cell, 4.7 min left",
        "study 1/2: 65 of 100 cells done",
    ]


def test_a_terminal_gets_a_bar_with_rate_and_time_left(
    clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    with Ticker("study", total=100) as ticker:
        clock(10.0)
        ticker.advance(20)
    shown = capsys.readouterr().err
    assert "━" in shown
    assert "20/100" in shown
    assert "2.0 cells/s, 40 s left" in shown


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_stops_nothing_and_no_file_takes_its_place(closed: str, folder: Path) -> None:
    (folder / "words.py").write_text(
        "import os, sys\n"
        "from benign.pipeline import console\n"
        "@console.reports_errors\n"
        "def main(argv):\n"
        "    with open('file', 'w') as file, console.Ticker('study', total=1) as ticker:\n"
        "        ticker.advance()\n"
        "        file.write(str(os.system('echo to stderr >&2')))\n"
        "    raise console.UserError('mend this')\n"
        "sys.exit(main([]))\n"
    )
    command = f"{shlex.quote(sys.executable)} words.py {closed}"
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout, answer.stderr) == (2, "", "")
    assert (folder / "file").read_text() == "0"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (89, "89 s"), (90, "1.5 min"), (5399, "90.0 min"), (5400, "1.5 h")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert console.duration(seconds) == text
