"""Slurm: the profile says what the plugin understands, the check is careful, and on demand the cluster really runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import slurm_check
from benign.pipeline.console import UserError
from support import ROOT, snakemake

PROFILE = ROOT / "workflow" / "profiles" / "slurm" / "config.yaml"


def profile() -> dict[str, object]:
    return yaml.safe_load(PROFILE.read_text())


def test_every_option_of_the_profile_is_one_of_snakemake_s() -> None:
    said = subprocess.run([sys.executable, "-m", "snakemake", "--help"], capture_output=True, text=True, check=True)
    for option in profile():
        assert f"--{option}" in said.stdout, option


def test_the_profile_plans_the_same_jobs_as_a_local_run(tmp_path: Path) -> None:
    plans = []
    for name in ("default", "slurm"):
        folder = tmp_path / name
        folder.mkdir()
        options: list[str | Path] = [
            "--workflow-profile",
            PROFILE.parents[1] / name,
            "--configfile",
            ROOT / "config" / "smoke.yaml",
        ]
        run = snakemake(*options, "--dry-run", "--quiet", "rules", "host", directory=folder)
        assert run.returncode == 0, run.stderr
        plans.append(dict(re.findall(r"^ *(\w+) +(\d+)$", run.stdout, re.MULTILINE)))
    assert plans[0] == plans[1]
    assert int(plans[0]["total"]) > 5


def test_jobs_ask_for_memory_and_time_and_for_a_gpu_only_where_they_use_one() -> None:
    rules = (ROOT / "workflow" / "rules").glob("*.smk")
    text = "".join(path.read_text() for path in rules)
    assert text.count("mem_mb=") == text.count("runtime=") == text.count("resources:")
    assert 'gpu=1 if DEVICE == "cuda" else 0' in text


def test_the_configuration_has_one_node_and_no_accounting() -> None:
    text = slurm_check.slurm_conf("box", 2, 4000, Path("/state"))
    assert text.startswith(slurm_check.MARK)
    assert "NodeName=box NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000" in text
    assert "AccountingStorageType=accounting_storage/none" in text
    assert "PartitionName=main Nodes=box" in text
    assert str(profile()["default-resources"]).count("'main'") == 1


def test_without_root_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert slurm_check.main([]) == 2
    assert "needs root" in capsys.readouterr().err


def test_a_machine_of_a_cluster_is_left_alone(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs.conf", tmp_path / "ours.conf"
    theirs.write_text("ClusterName=physics\n")
    ours.write_text(slurm_check.slurm_conf("box", 2, 4000, tmp_path))
    with pytest.raises(UserError, match="already"):
        slurm_check.require_no_cluster(theirs)
    slurm_check.require_no_cluster(ours)
    slurm_check.require_no_cluster(tmp_path / "none.conf")


def test_what_does_not_come_up_in_time_is_an_error_with_the_daemons_words(tmp_path: Path) -> None:
    (tmp_path / "slurmd.log").write_text("fatal: no such node\n")
    with pytest.raises(UserError, match="no such node"):
        slurm_check.wait("the node is idle", lambda: False, tmp_path, seconds=0.1)


def test_a_byte_and_a_file_that_differ_are_named(tmp_path: Path) -> None:
    for name in ("one", "other"):
        for file, text in (("results/smoke/study/table.csv", "a"), ("figures/smoke/study/curve.csv", "b")):
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    one, other = tmp_path / "one", tmp_path / "other"
    assert slurm_check.differences(one, other) == []
    (other / "results/smoke/study/table.csv").write_text("A")
    (one / "figures/smoke/study/curve.csv").unlink()
    assert slurm_check.differences(one, other) == ["figures/smoke/study/curve.csv", "results/smoke/study/table.csv"]
    with pytest.raises(UserError, match="hold no results"):
        slurm_check.differences(tmp_path / "neither", tmp_path / "nor")


@pytest.mark.slurm
@pytest.mark.skipif(os.environ.get("SLURM_CHECK") != "1", reason="starts daemons as root: asked for by SLURM_CHECK=1")
def test_the_smoke_tier_through_slurm_gives_the_same_bytes(tmp_path: Path) -> None:
    assert slurm_check.main(["--output", str(tmp_path / "check.json")]) == 0
