"""Write requirements.lock and environment.yml from the packages installed here, or check that all three files agree.

    pip install uv -e '.[cluster,site,test]' && python tools/lock.py      writes both files
    python tools/lock.py --check                          compares them with each other and with pyproject.toml

Only what pyproject.toml asks for, directly or not, is written. In requirements.lock each pin has the SHA-256 of every
file that the Python Package Index has of it, for any Python and system: uv looks them up. requirements-peers.lock keeps
the versions that somebody wrote into it and gets their hashes; --check holds it against the others.
Exit status: 0 if they agree, 2 if not.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benign.pipeline import settings, tables
from benign.pipeline.console import UserError, parser, reports_errors

PROJECT, LOCK, CONDA = (settings.ROOT / name for name in ("pyproject.toml", "requirements.lock", "environment.yml"))
PEERS = settings.ROOT / "requirements-peers.lock"
INSTALLED = ("cluster", "site", "test")  # the extras that `make` installs
LINUX_ONLY = ("cuda-", "nvidia-", "triton")  # Torch asks for them on Linux alone
HEADER = """\
# Every package that the project needs, directly or not, with its tests: what `make` installs, file by file.
# Not written by hand: `pip install uv -e '.[cluster,site,test]' && python tools/lock.py`, with the versions wanted.
"""
UV = ("-m", "uv", "pip", "compile", "-", "--no-deps", "--universal", "--python-version", "3.11", "--generate-hashes")
QUIET = ("--quiet", "--no-annotate", "--no-header")


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--check", action="store_true", help="compare, write nothing")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Write or compare."""
    if arguments().parse_args(argv).check:
        compare(wanted(PROJECT), locked(LOCK), conda(CONDA))
        compare_peers(extra(PROJECT, "peers"), locked(PEERS), locked(LOCK))
        compare_hashes(LOCK, PEERS)
    else:
        pins = closure(wanted(PROJECT))
        comment = "".join(text for text in PEERS.read_text(encoding="utf-8").splitlines(True) if text.startswith("#"))
        tables.write_text(LOCK, HEADER + hashed(pins))
        tables.write_text(PEERS, comment + hashed(locked(PEERS)))
        tables.write_text(CONDA, environment(pins))
    return 0


def wanted(project: Path) -> list[Requirement]:
    """What pyproject.toml asks for, to be installed, to run, here or on a cluster, and to test, pages included."""
    content = tomllib.loads(project.read_text(encoding="utf-8"))
    named = [*content["build-system"]["requires"], *content["project"]["dependencies"]]
    return [*map(Requirement, named), *(each for name in INSTALLED for each in extra(project, name))]


def extra(project: Path, name: str) -> list[Requirement]:
    """What pyproject.toml asks for in one of its extras."""
    content = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    return [Requirement(text) for text in content["optional-dependencies"][name]]


def locked(lock: Path) -> dict[str, str]:
    """Name to version in a lock file."""
    return pinned([text.split(" --hash=")[0] for text in entries(lock)])


def entries(lock: Path) -> list[str]:
    """The pins of a lock file with their hashes, each on one line."""
    lines = re.sub(r"\s*\\\n\s*", " ", lock.read_text(encoding="utf-8")).splitlines()
    return [text for text in lines if text and not text.startswith("#")]


def hashed(pins: dict[str, str]) -> str:
    """Each pin with the hashes of its files, as `pip install --require-hashes` wants them; uv asks the index."""
    lines = "".join(f"{line(name, pins[name])}\n" for name in sorted(pins))
    answer = subprocess.run([sys.executable, *UV, *QUIET], input=lines, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise UserError(f"uv knows no hashes: {answer.stderr.strip()}: pip install uv")
    return answer.stdout


def conda(file: Path) -> dict[str, str]:
    """Name to version in the pip section of a Conda environment."""
    return pinned(yaml.safe_load(file.read_text(encoding="utf-8"))["dependencies"][-1]["pip"])


def pinned(lines: list[str]) -> dict[str, str]:
    """Name to version; UserError for anything but name==version."""
    pins: dict[str, str] = {}
    for text in lines:
        requirement = Requirement(text)
        specifiers = list(requirement.specifier)
        if len(specifiers) != 1 or specifiers[0].operator != "==":
            raise UserError(f"{text!r} pins no version: run tools/lock.py")
        pins[canonicalize_name(requirement.name)] = specifiers[0].version
    return pins


def compare(requirements: list[Requirement], lock: dict[str, str], environment: dict[str, str]) -> None:
    """UserError listing every disagreement of the three files."""
    faults = unmet(requirements, lock, LOCK.name)
    for name in sorted({*lock, *environment}):
        if lock.get(name) != environment.get(name):
            versions = f"{lock.get(name, 'none')} in requirements.lock, {environment.get(name, 'none')}"
            faults.append(f"{name} is {versions} in environment.yml")
    if faults:
        raise UserError("\n".join([*faults, "run tools/lock.py in an environment that has what pyproject.toml wants"]))


def compare_peers(requirements: list[Requirement], peers: dict[str, str], lock: dict[str, str]) -> None:
    """UserError unless the peers' pins are what pyproject.toml asks for and leave those of requirements.lock alone."""
    faults = unmet(requirements, peers, PEERS.name)
    faults += [f"{name} is pinned in {LOCK.name} already" for name in sorted({*peers} & {*lock})]
    if faults:
        raise UserError("\n".join([*faults, f"mend {PEERS.name}"]))


def compare_hashes(*locks: Path) -> None:
    """UserError unless every pin names the files that it may be: pip would take any file for one that does not."""
    for lock in locks:
        if bare := [text for text in entries(lock) if not re.search(r" --hash=sha256:[0-9a-f]{64}( |$)", text)]:
            raise UserError(f"{lock.name} has no hash for {', '.join(bare)}: run tools/lock.py")


def unmet(requirements: list[Requirement], pins: dict[str, str], file: str) -> list[str]:
    """A sentence for each requirement of pyproject.toml that the pins of a file do not meet."""
    versions = {requirement: pins.get(canonicalize_name(requirement.name)) for requirement in requirements}
    return [
        f"pyproject.toml asks for {requirement}, {file} has {version or 'none'}"
        for requirement, version in versions.items()
        if version is None or not requirement.specifier.contains(version)
    ]


def closure(requirements: list[Requirement]) -> dict[str, str]:
    """Name to installed version of the requirements and of all that they require here."""
    pins: dict[str, str] = {}
    done, waiting = set[tuple[str, str]](), [(requirement, "") for requirement in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for each in ["", *requirement.extras]:
            if (name, each) not in done:
                done.add((name, each))
                package = importlib.metadata.distribution(name)
                pins[name] = package.version
                waiting += [(Requirement(text), each) for text in package.requires or []]
    return pins


def line(name: str, version: str) -> str:
    """One pin, restricted to the system that has the package."""
    return f"{name}=={version}" + (' ; sys_platform == "linux"' if name.startswith(LINUX_ONLY) else "")


def environment(pins: dict[str, str]) -> str:
    """The same pins as a Conda environment."""
    content = {
        "name": "benign",
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11", "pip", {"pip": [line(name, pins[name]) for name in sorted(pins)]}],
    }
    title = "# The pins of requirements.lock for Conda users, by tools/lock.py; then `pip install --no-deps -e .`\n"
    return title + yaml.safe_dump(content, sort_keys=False, width=120)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
