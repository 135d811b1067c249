"""Run the smoke tier through Slurm on a one-node cluster made for it, and compare the results with a local run's.

Installs slurm-wlm and munge from Debian's packages if they are missing, writes /etc/slurm/slurm.conf, starts the
daemons, runs the tier through workflow/profiles/slurm and again without Slurm, compares every table, claim and figure
byte for byte, writes what was measured, and stops and removes what it started, whatever happens. Needs root, and a
machine that is in no cluster. Exit status: 0 if the results are the same, 1 if they differ, 2 if something has to be
mended first.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign.pipeline import settings, tables
from benign.pipeline.console import UserError, parser, reports_errors

CONFIGURATION = Path("/etc/slurm/slurm.conf")  # the executor hands no other place on to srun
MARK = "# Written by tools/slurm_check.py, which removes it.\n"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo")
COMPARED = (
    "results/smoke/*/table.csv",
    "results/smoke/*/claims.json",
    "results/smoke/claims.*",
    "figures/smoke/*/*",
    "figures/smoke/*.*",
)
RUN_LIMIT = 1500.0  # seconds that a run of the tier may take


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument(
        "--arrays", action="store_true", help="submit the slices of a study as one job array, to compare the overhead"
    )
    result.add_argument("--output", type=Path, default=Path("logs/slurm-check.json"), metavar="FILE.json")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Start, run twice, compare, stop."""
    args = arguments().parse_args(argv)
    require_root()
    require_no_cluster(CONFIGURATION)
    install_missing()
    with tempfile.TemporaryDirectory(prefix="slurm-check-") as name:
        folder = Path(name)
        print("running the smoke tier without Slurm ...", flush=True)
        local, jobs = run_tier(folder / "local", local_options())
        with one_node_cluster(folder / "cluster"):
            print("running the smoke tier through Slurm ...", flush=True)
            remote, _ = run_tier(folder / "slurm", slurm_options(args.arrays))
        different = differences(folder / "local", folder / "slurm")
    record = {
        "jobs": jobs,
        "arrays": args.arrays,
        "seconds_local": round(local, 1),
        "seconds_slurm": round(remote, 1),
        "overhead_seconds_per_job": round((remote - local) / jobs, 2),
        "cores": os.cpu_count(),
        "slurm": output_of("slurmctld", "-V"),
        "different": different,
    }
    tables.write_json(args.output, record)
    print(
        f"{jobs} jobs: {local:.0f} s without Slurm, {remote:.0f} s through it, "
        f"{record['overhead_seconds_per_job']} s more a job (see {args.output})"
    )
    if different:
        print(f"different: {', '.join(different)}", file=sys.stderr)
        return 1
    print("every table, claim and figure is the same to the byte")
    return 0


def require_root() -> None:
    """UserError unless run as root: the daemons and their configuration are the system's."""
    if os.geteuid() != 0:
        raise UserError(
            "this starts munge and Slurm on this machine and needs root: run it as root, in a container or on a "
            "machine of your own; on a cluster that is there, use workflow/profiles/slurm (docs/cluster.md)"
        )


def require_no_cluster(configuration: Path) -> None:
    """UserError if the machine already belongs to a cluster."""
    if configuration.exists() and not configuration.read_text(encoding="utf-8").startswith(MARK):
        raise UserError(
            f"{configuration} is there already, so this machine is in a cluster: use it with workflow/profiles/slurm "
            "(docs/cluster.md); this check makes a cluster of its own and would be in its way"
        )


def install_missing() -> None:
    """Install Slurm and munge with apt-get where a program of theirs is missing."""
    if all(shutil.which(program) for program in PROGRAMS):
        return
    if not shutil.which("apt-get"):
        raise UserError("slurmctld, slurmd or munged is missing, and there is no apt-get: install slurm-wlm and munge")
    print("installing slurm-wlm and munge ...", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "slurm-wlm", "munge"]):
        done = subprocess.run(["apt-get", *command], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f"apt-get {command[0]} failed: {done.stderr.strip()[-500:]}: install slurm-wlm and munge")


# ---------------------------------------------------------------- the cluster


def slurm_conf(host: str, cores: int, memory_mb: int, state: Path) -> str:
    """The configuration of a cluster whose one node is this machine: no accounting, no cgroups."""
    lines = {
        "ClusterName": "check",
        "SlurmctldHost": f"{host}(127.0.0.1)",
        "SlurmUser": "root",
        "SlurmdUser": "root",
        "AuthType": "auth/munge",
        "StateSaveLocation": f"{state}/controller",
        "SlurmdSpoolDir": f"{state}/node",
        "SlurmctldPidFile": f"{state}/slurmctld.pid",
        "SlurmdPidFile": f"{state}/slurmd.pid",
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "SchedulerType": "sched/backfill",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core",
        "JobAcctGatherType": "jobacct_gather/none",
        "AccountingStorageType": "accounting_storage/none",
        "MpiDefault": "none",
        "ReturnToService": "2",
        "MinJobAge": "600",  # finished jobs stay visible to squeue
    }
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    text += f"NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory_mb} State=UNKNOWN\n"
    return f"{MARK}{text}PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP\n"


@contextlib.contextmanager
def one_node_cluster(folder: Path) -> Iterator[None]:
    """A running cluster; on leaving, by whatever way, its jobs are cancelled, its daemons ended, its files removed."""
    for part in ("controller", "node"):
        (folder / part).mkdir(parents=True)
    host = socket.gethostname().split(".")[0]
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    daemons: list[subprocess.Popen[bytes]] = []
    tables.write_text(CONFIGURATION, slurm_conf(host, len(os.sched_getaffinity(0)), memory_mb, folder))
    try:
        if subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode:
            Path("/run/munge").mkdir(exist_ok=True)
            shutil.chown("/run/munge", "munge", "munge")
            daemons.append(start(folder / "munged.log", "munged", "--foreground", user="munge"))
            wait("munge answers", lambda: not subprocess.run(["munge", "-n"], capture_output=True).returncode, folder)
        daemons.append(start(folder / "slurmctld.log", "slurmctld", "-D"))
        daemons.append(start(folder / "slurmd.log", "slurmd", "-D", "-N", host))
        wait("the node is idle", lambda: output_of("sinfo", "-h", "-o", "%T") == "idle", folder)
        yield
    finally:
        if len(daemons) > 1:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(["scancel", "--user", "root"], capture_output=True, check=False, timeout=30)
        for daemon in reversed(daemons):
            end(daemon)
        CONFIGURATION.unlink(missing_ok=True)


def start(log: Path, *command: str, user: str | None = None) -> subprocess.Popen[bytes]:
    """A daemon in the foreground of its own session, its output in `log`."""
    with open(log, "wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True, user=user, group=user)


def end(daemon: subprocess.Popen[bytes]) -> None:
    """Ask a daemon to stop, then make it."""
    daemon.terminate()
    try:
        daemon.wait(timeout=15)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def wait(what: str, holds: Callable[[], bool], folder: Path, seconds: float = 60.0) -> None:
    """Until it holds; UserError with the ends of the daemons' logs if it takes too long."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            logs = "\n".join(f"{log.name}: {log.read_text(errors='replace')[-800:]}" for log in folder.glob("*.log"))
            raise UserError(f"after {seconds:.0f} s it is still not so that {what}:\n{logs}")
        time.sleep(0.5)


def output_of(*command: str) -> str:
    """What a command prints, without the line's end; "" if it fails or hangs."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20).stdout.strip()
    except subprocess.TimeoutExpired:
        return ""


# ---------------------------------------------------------------- the runs


def local_options() -> list[str]:
    """Snakemake's, for a run on this machine."""
    return ["--cores", "all", "--workflow-profile", str(settings.ROOT / "workflow/profiles/default")]


def slurm_options(arrays: bool) -> list[str]:
    """Snakemake's, for a run through the cluster."""
    options = ["--workflow-profile", str(settings.ROOT / "workflow/profiles/slurm")]
    return options + (["--slurm-array-jobs", "all"] if arrays else [])


def run_tier(folder: Path, options: Sequence[str]) -> tuple[float, int]:
    """(seconds, jobs) of a run of the smoke tier in `folder`; UserError with the end of its log if it fails."""
    folder.mkdir()
    log = folder / "snakemake.log"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(settings.ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(settings.ROOT / "config/smoke.yaml")]
    command += ["--profile", "none", *options]  # none but the one in `options`, whatever SNAKEMAKE_PROFILE says
    started = time.monotonic()
    with open(log, "wb") as file:
        run = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        try:
            status: Any = run.wait(timeout=RUN_LIMIT)
        except subprocess.TimeoutExpired:
            status = f"no end after {RUN_LIMIT:.0f} s"
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()
    if status:
        raise UserError(f"the smoke tier failed ({status}):\n{log.read_text(errors='replace')[-3000:]}")
    return time.monotonic() - started, log.read_text(errors="replace").count("Finished job")


def differences(one: Path, other: Path) -> list[str]:
    """The files of a tier that two folders do not have with the same bytes."""
    names = sorted(
        {str(file.relative_to(root)) for root in (one, other) for pattern in COMPARED for file in root.glob(pattern)}
    )
    if not names:
        raise UserError(f"{one} and {other} hold no results: the workflow's outputs have moved, mend COMPARED")
    return [name for name in names if content(one / name) != content(other / name)]


def content(file: Path) -> bytes | None:
    """The bytes of a file, None if there is none."""
    return file.read_bytes() if file.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
