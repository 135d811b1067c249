"""Run a tier, or go on where a run of it was interrupted: what `make reproduce`, `make smoke` and `make paper` do.

Says first how many cells there are, how many are kept from before and about how long the rest takes; then shows how far
it has come; at the end, what came out and where to read it. Snakemake does the work: its words are in
logs/TIER/snakemake.log (its errors on stderr too), and what the run took in logs/TIER/run.json. What a killed run left
behind is cleared away. Exit status: Snakemake's; 2 if something has to be mended first; 130 if interrupted.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import functools
import getpass
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign import studies
from benign.pipeline import provenance, settings, tables
from benign.pipeline.console import (
    Ticker,
    UserError,
    distinct,
    duration,
    locked,
    name_and_value,
    parser,
    reports_errors,
)
from benign.pipeline.pages import tiers
from benign.pipeline.plans import planned
from benign.pipeline.rows import Arrivals

POLL_SECONDS = 0.5
TELL_SECONDS = 30.0
MOST_TOLD = 20  # of what is not as expected
# Among Snakemake's words an error starts with its name; the next job starts, and all ends, with one of the others.
ERROR, NO_ERROR = re.compile(r"\w*(Error|Exception)\b"), re.compile(r"\[\w{3} \w{3} |Complete log")


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--tier", choices=settings.TIERS, default="default")
    result.add_argument("--cores", default="all", metavar="N", help="how many jobs run side by side; by default all")
    result.add_argument(
        "--config",
        nargs="+",
        action="extend",
        type=name_and_value,
        default=[],
        metavar="NAME=VALUE",
        help="laid over the tier's file",
    )
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Forecast, run, sum up."""
    started = time.monotonic()
    args = arguments().parse_args(argv)
    cores = core_count(args.cores)
    config = laid_over(settings.read_yaml(settings.tier_file(args.tier)), list(distinct(args.config).items()))
    settings.check_config(config)
    log = Path("logs", args.tier, "snakemake.log")
    with locked(Path(".snakemake", "run.lock"), "another run is at work in this folder") as lock:
        clear_remains()
        measured = tables.read_json(settings.CELL_SECONDS) if settings.CELL_SECONDS.exists() else {}
        stored, jobs = measured.get(args.tier, {}), measured.get("jobs", {"seconds": {}})["seconds"]
        known = [study for study in config["studies"] if study in studies.NAMES]  # Snakemake complains of the others
        plans = [Plan(study, args.tier, config, stored.get(study)) for study in known]
        say(forecast(args.tier, plans, cores, jobs))
        tables.write_json(log.with_name("config.json"), config)
        with open(log, "w") as words, ticker(args.tier, plans) as progress:
            status = follow(snakemake(log.with_name("config.json"), cores, words, lock), log, plans, progress)
        record = run_record(args.tier, status, cores, plans, time.monotonic() - started)
        tables.write_json(log.with_name("run.json"), record)
        if status == 0:
            for plan in plans:
                plan.discard_checkpoints()
    say(summary(record))
    return status


def laid_over(tier: dict[str, Any], values: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A tier's configuration with values laid over it as Snakemake's own --config reads and lays them.

    But for a folder's name, which is taken as it stands: Snakemake would make a mapping of one with ": " in it.
    """
    if not values:
        return tier
    from snakemake.cli import parse_config  # a second, which a run without --config need not wait
    from snakemake.utils import update_config

    try:
        update_config(tier, parse_config([f"{name}={value}" for name, value in values]))
    except (AssertionError, ValueError) as error:
        raise UserError(f"--config {' '.join('='.join(pair) for pair in values)}: {error}") from None
    return {**tier, **{name: value for name, value in values if name in settings.FOLDERS}}


def say(lines: Sequence[str]) -> None:
    """Tell the person at the keyboard, or the log."""
    print("\n".join(lines), file=sys.stderr, flush=True)


def core_count(text: str) -> int:
    """A number of cores; "all" are those that this process may use. UserError for anything else."""
    if text == "all":
        return len(os.sched_getaffinity(0))
    if not (text.isdecimal() and int(text) > 0):
        raise UserError(f"--cores {text}: give a number of cores, at least 1, or all")
    return int(text)


# ---------------------------------------------------------------- what a killed run left


def clear_remains() -> None:
    """Remove Snakemake's locks and half-written files that a killed run left; UserError if another one is alive.

    Slices that outlived their Snakemake have rows in the making: they are waited for.
    """
    if alive := processes_here("snakemake"):
        raise UserError(f"a Snakemake (process {alive[0]}) is at work in this folder: wait for it, or end it")
    told: list[int] = []
    while orphans := processes_here("run_slice.py"):
        if orphans != told:
            say([f"slices that outlived a killed run are still at work, processes {orphans}: waiting for them"])
        told = orphans
        time.sleep(POLL_SECONDS)
    shutil.rmtree(Path(".snakemake", "locks"), ignore_errors=True)
    for folder in ("scratch", "resources", "results", "figures"):
        for path in Path(folder).rglob("*.tmp"):
            path.unlink(missing_ok=True)
    for path in Path("resources", "cache").glob(".download-*"):
        shutil.rmtree(path, ignore_errors=True)


def processes_here(program: str) -> list[int]:
    """The processes that run a program of that name in this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_text(errors="replace").split("\0")
            if program_of(words) == program and (entry / "cwd").readlink() == Path.cwd():
                found.append(int(entry.name))
        except OSError:  # it has ended, or is somebody else's
            continue
    return sorted(found)


def program_of(words: Sequence[str]) -> str:
    """What a command line runs: the name of its first word or, where that is Python, of the script or module.

    The words after it are arguments: `tmux new -s snakemake` runs tmux.
    """
    program, *rest = words
    if not Path(program).name.startswith("python"):
        return Path(program).name
    following = iter(rest)
    for word in following:
        if last := re.fullmatch(r"-[bBdEIiOPqsSuvx]*([cm])(.*)", word, re.DOTALL):  # what follows is code, or a module
            return (last[2] or next(following, "")) if last[1] == "m" else ""
        if not word.startswith("-"):
            return Path(word).name
        if re.fullmatch(r"-[bBdEIiOPqsSuvx]*[WX]", word):  # what follows is this option's value
            next(following, "")
    return ""


# ---------------------------------------------------------------- what there is to do


@dataclasses.dataclass
class Plan:
    """What a tier runs of one study, and how far it has come, as the rows in the folder of its slices show.

    stored: {"seconds_per_cell", "machine"} of an earlier run, None where there is none
    """

    study: str
    tier: str
    config: dict[str, Any]
    stored: dict[str, Any] | None

    def __post_init__(self) -> None:
        section = settings.section(settings.grid_file(self.study), self.study, self.tier)
        files = {name: settings.image_file(self.config, name) for name in section["data"]}
        self.images = {name: Path(file) for name, file in files.items() if file}
        self.slices: int = section["slices"]
        self.cells = {cell.key for cell in planned(self.study, section, self.images)}
        self.done: set[str] = set()
        self.seconds = 0.0
        self.before = self.look()
        self.seconds = 0.0  # of this run's cells alone

    @functools.cached_property
    def scratch(self) -> Path:
        """Where the slices keep rows and checkpoints; known once the images are there, for rows depend on them."""
        mark = provenance.run_fingerprint(self.study, settings.resolve_device(self.config["device"]), 1, self.images)
        return Path("scratch", self.tier, self.study, mark[:16])

    @functools.cached_property
    def arrivals(self) -> Arrivals:
        """The rows as they come."""
        return Arrivals(self.scratch / "rows")

    def look(self) -> int:
        """How many cells have been finished since the last look."""
        if not all(file.is_file() for file in self.images.values()):
            return 0
        new = {key: took for key, took in self.arrivals.look() if key in self.cells and key not in self.done}
        self.done |= new.keys()
        self.seconds += sum(new.values())
        return len(new)

    def waiting(self) -> int:
        """How many cells this run has to compute."""
        return len(self.cells) - self.before

    def beside(self, jobs: Mapping[str, float]) -> float:
        """Seconds that the study's jobs take beside computing cells; jobs: what one of each kind takes."""
        pictures = ["pictures"] if studies.find(self.study).pictures else []
        once = sum(jobs.get(kind, 0) for kind in ("plan", "collect", "figures", *pictures, "claims"))
        return once + self.slices * jobs.get("slice", 0) if self.waiting() else 0

    def record(self) -> dict[str, Any]:
        """What this run has computed, and how long its cells took."""
        computed = len(self.done) - self.before
        return {"cells": len(self.cells), "kept": self.before, "computed": computed, "seconds": round(self.seconds, 1)}

    def discard_checkpoints(self) -> None:
        """Remove those that a kill between a training's last row and its end left."""
        shutil.rmtree(self.scratch / "checkpoints", ignore_errors=True)


def forecast(tier: str, plans: Sequence[Plan], cores: int, jobs: Mapping[str, float]) -> list[str]:
    """What there is to do and about how long it takes: the tier in a line, then each study.

    jobs: seconds that a job of each kind takes beside computing cells, and that Snakemake takes beside all of them
    """
    lines, seconds = [], 0.0
    for plan in plans:
        about = f"no forecast for study {plan.study} yet"
        if plan.stored:
            share = plan.waiting() * plan.stored["seconds_per_cell"] + plan.beside(jobs)
            about = f"about {duration(share)} of one core (measured on {plan.stored['machine']})"
            seconds += share
        lines.append(f"  {plan.study}: {counts([plan])}; {about}")
    where = settings.CELL_SECONDS.relative_to(settings.ROOT)
    if seconds:
        seconds += sum(jobs.get(kind, 0) for kind in ("claims_page", "gallery", "provenance", "crate", "site"))
        wall = seconds / cores + jobs.get("snakemake", 0)
        total = f"about {duration(seconds)} of one core, {duration(wall)} on {cores} cores (from {where})"
    else:
        total = "no forecast yet" if any(plan.waiting() for plan in plans) else "nothing to compute"
    return [f"{tier}: {counts(plans)}; {total}", *lines]


def counts(plans: Sequence[Plan]) -> str:
    """The cells of some studies, and those of them that need no computing."""
    cells, kept = sum(len(plan.cells) for plan in plans), sum(plan.before for plan in plans)
    return f"{cells:,} cells, {kept:,} kept"


# ---------------------------------------------------------------- running


def weights(plans: Sequence[Plan]) -> list[float]:
    """Seconds that a cell of each study takes; where that is not known, the mean of the others."""
    known = [plan.stored["seconds_per_cell"] for plan in plans if plan.stored]
    mean = sum(known) / len(known) if known else 1.0
    return [plan.stored["seconds_per_cell"] if plan.stored else mean for plan in plans]


def ticker(tier: str, plans: Sequence[Plan]) -> Ticker:
    """Progress over all cells of the tier."""
    work = sum(weight * plan.waiting() for weight, plan in zip(weights(plans), plans, strict=True))
    cells, kept = sum(len(plan.cells) for plan in plans), sum(plan.before for plan in plans)
    return Ticker(tier, cells, kept, TELL_SECONDS, work)


def snakemake(configuration: Path, cores: int, words: IO[str], lock: IO[str]) -> subprocess.Popen[bytes]:
    """Start Snakemake on what a file says. It holds the lock as well, for as long as it lives."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(settings.ROOT / "Snakefile"),
        "--cores",
        str(cores),
    ]
    command += ["--configfile", str(configuration)]
    # This machine runs it, whatever SNAKEMAKE_PROFILE says.
    command += ["--profile", "none", "--workflow-profile", str(settings.ROOT / "workflow" / "profiles" / "default")]
    return subprocess.Popen(
        command, stdout=words, stderr=subprocess.STDOUT, pass_fds=[lock.fileno()], env=environment()
    )


def environment() -> dict[str, str]:
    """This process's, with a place for caches and a name for the user: in a container there may be neither.

    Snakemake would end without them, and Matplotlib look for fonts in every job.
    """
    result = dict(os.environ)
    if not can_be_written(Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))):
        caches = Path(".snakemake", "cache").absolute()
        result |= {"XDG_CACHE_HOME": str(caches), "MPLCONFIGDIR": str(caches / "matplotlib")}
    try:
        getpass.getuser()
    except (KeyError, OSError):  # which of them depends on Python's version
        result["USER"] = str(os.getuid())
    return result


def can_be_written(folder: Path) -> bool:
    """Whether there is, or can be made, such a folder to write in. A relative one begins with a ~ that nobody has."""
    try:
        if folder.is_absolute():
            folder.mkdir(parents=True, exist_ok=True)
        return folder.is_absolute() and os.access(folder, os.W_OK)
    except OSError:
        return False


def follow(process: subprocess.Popen[bytes], log: Path, plans: Sequence[Plan], progress: Ticker) -> int:
    """Show progress and errors until Snakemake ends; returns its exit status, 130 if it was interrupted."""
    each = weights(plans)
    interrupted = error = ended = False
    with open(log) as words:
        while not ended:
            try:
                process.wait(POLL_SECONDS)
                ended = True
            except subprocess.TimeoutExpired:
                pass
            except KeyboardInterrupt:  # the terminal interrupts Snakemake and its jobs as well
                interrupted = True
                progress.tell("interrupted: waiting for the jobs to end")
            for line in words:
                error = bool(ERROR.match(line)) or (error and not NO_ERROR.match(line))
                if error and not interrupted:
                    progress.tell(line.rstrip())
            new = [plan.look() for plan in plans]
            progress.advance(sum(new), sum(weight * more for weight, more in zip(each, new, strict=True)))
    return 130 if interrupted else process.returncode


# ---------------------------------------------------------------- what came out


def run_record(tier: str, status: int, cores: int, plans: Sequence[Plan], wall: float) -> dict[str, Any]:
    """What the run took. Overhead: the share of its time in which the cores were not computing cells.

    wall: seconds since this process was ready; what the slices need to start is in it, and so in the overhead
    """
    parts = {plan.study: plan.record() for plan in plans}
    seconds = sum(part["seconds"] for part in parts.values())
    return {
        "tier": tier,
        "exit_status": status,
        "machine": {"cpu": provenance.processor(), "cores": os.cpu_count()},
        "cores": cores,
        "wall_seconds": round(wall, 1),
        "cell_seconds": round(seconds, 1),
        "overhead": round((wall - seconds / cores) / wall, 3),
        "studies": parts,
    }


def summary(record: dict[str, Any]) -> list[str]:
    """The run's last words: how it ended, how long it took, the verdicts, where to read on, whether they were known."""
    tier, computed = record["tier"], sum(part["computed"] for part in record["studies"].values())
    took = f"{duration(record['wall_seconds'])} on {record['cores']} cores: {computed:,} cells computed"
    if computed:
        took += f" in {duration(record['cell_seconds'])} of one core, overhead {record['overhead']:.1%}"
    if record["exit_status"]:
        mend = "finished rows are kept, and the same command goes on from them; see logs"
        return [f"{tier}: not finished (exit status {record['exit_status']}) after {took}; {mend}/{tier}/snakemake.log"]
    lines = [f"{tier}: done in {took} (logs/{tier}/run.json)"]
    claims = tables.read_json(Path("results", tier, "claims.json"))["claims"]
    by_study: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for claim in claims:
        by_study[claim["study"]].append(claim)
    lines += [f"  {study}: {tiers.in_words(members)}" for study, members in by_study.items()]
    lines.append(f"  read results/{tier}/claims.md (for machines: claims.json) and figures/{tier}/README.md")
    lines += beside_expected(tier)
    return [*lines, f"  all of it on one page, for a browser: results/{tier}/site/index.html"]


def beside_expected(tier: str) -> list[str]:
    """How the run compares with the committed one: what `make verify` says, cut short; nothing if there is none."""
    if not settings.expected_file(tier).exists():
        return []
    command = [sys.executable, str(settings.ROOT / "scripts" / "verify.py"), "--tier", tier, "--most", str(MOST_TOLD)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    return [f"  {line}".rstrip() for line in (answer.stdout + answer.stderr).splitlines()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
