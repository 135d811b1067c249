# Settings, checked, and the names and paths that the rules share. No job is defined here.
import json
import sys
from pathlib import Path

from snakemake.io import contains_wildcard
from snakemake.settings.types import DeploymentMethod

ROOT = Path(str(workflow.current_basedir)).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from benign.pipeline import settings  # noqa: E402
from benign import studies  # noqa: E402
from benign.pipeline import provenance  # noqa: E402


def here(path):
    """A file of the project as the working directory sees it: relative, where that is the project itself.

    It is no result, so that a workflow that has this one as a module may not prefix it.
    """
    path = Path(path)
    seen = str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    if contains_wildcard(seen):
        raise WorkflowError(f"{seen}: braces are wildcards to Snakemake: run it in {ROOT}, or rename the folder")
    return local(seen)


# Snakemake formats this path as it does a command: a brace in it is doubled.
ENVIRONMENT = str(ROOT / "environment.yml").replace("{", "{{").replace("}", "}}")


def script(name):
    return here(ROOT / "scripts" / f"{name}.py")


def sources_of(name, study=None, *parts):
    """The Python files that a script depends on, with those of the modules of a study that it runs."""
    files = set(provenance.script_sources(ROOT / "scripts" / f"{name}.py"))
    for part in parts:
        files |= set(provenance.sources(f"{studies.find(study).package}.{part}"))
    return sorted(here(file) for file in files - {ROOT / "scripts" / f"{name}.py"})


try:
    settings.check_config(config)
    TIER = config["tier"]
    STUDIES = config["studies"]
    GRIDS = {study: here(settings.grid_file(study)) for study in STUDIES}
    SECTIONS = {study: settings.section(Path(GRIDS[study]), study, TIER) for study in STUDIES}
    IMAGES = {name: settings.image_file(config, name) for name in config["data"]}
except (settings.SettingsError, OSError) as error:
    raise WorkflowError(str(error))

DEVICE = settings.resolve_device(config["device"])
SLICES = {study: [f"{i:02d}" for i in range(SECTIONS[study]["slices"])] for study in STUDIES}


wildcard_constraints:
    slice=r"\d\d+",
    dataset="mnist|cifar10",


def image_files(study):
    """Data set to the file with its images, for the data sets that the study's section names and this run has."""
    return {name: IMAGES[name] for name in SECTIONS[study]["data"] if IMAGES[name]}


def slice_files(study, kind):
    return [f"results/{TIER}/{study}/slices/{i}.{kind}" for i in SLICES[study]]


def figure_files(study, *kinds):
    """The files of the figures that are drawn from a study's table; GIFs are of films alone."""
    declared = studies.find(study)
    names = {kind: declared.films if kind == "gif" else declared.figures for kind in kinds}
    return [f"figures/{TIER}/{study}/{name}.{kind}" for kind in kinds for name in names[kind]]


def picture_files(study, *kinds):
    """The files of the figures that are drawn from a study's table and images."""
    return [f"figures/{TIER}/{study}/{name}.{kind}" for kind in kinds for name in studies.find(study).pictures]


def caption_files(study):
    """The captions of a study's figures, and of its pictures if it has any."""
    names = ["captions", *(["pictures"] if studies.find(study).pictures else [])]
    return [f"figures/{TIER}/{study}/{name}.json" for name in names]


def refuse_tier(wildcards):
    file = here(settings.tier_file(wildcards.tier))
    raise WorkflowError(f"this run is of tier {TIER}, not {wildcards.tier}: add --configfile {file} after all targets")


# Functions for `params`. All ask for files, though one could do without: the names of files have a module's prefix, and a
# parameter made from files may differ, as in a project that has been moved, without anything being run again.


def python(wildcards, input):
    """The Python of the jobs: that which runs Snakemake, unless Conda gives them another; without PYTHONPATH."""
    given = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
    return ["python" if given else sys.executable, "-E"]


def folder(wildcards, output):
    """Where a rule writes."""
    return Path(output[0]).parent


def cache(wildcards, output):
    """Where downloads are kept: beside the folders of the data sets."""
    return Path(output[0]).parents[1] / "cache"


def scratch(wildcards, output):
    """Where a slice keeps rows and checkpoints: beside results/."""
    return Path(output.table).parents[4] / "scratch"


def named_images(wildcards, input):
    """--images NAME=FILE for each file with images: it lies in a folder of its data set's name."""
    return [word for file in input.images for word in ("--images", f"{Path(file).parent.name}={file}")]


# Kept results come with the project. Slices do not: asking for them makes a fresh checkout compute, not just look.
STUDY_OUTPUTS = {
    study: [
        f"results/{TIER}/{study}/table.csv",
        f"results/{TIER}/{study}/claims.json",
        *caption_files(study),
        *figure_files(study, "png", "pdf", "csv", "gif"),
        *picture_files(study, "png", "pdf", "csv"),
        *slice_files(study, "csv"),
    ]
    for study in STUDIES
}
TIER_OUTPUTS = [
    f"results/{TIER}/claims.json",
    f"results/{TIER}/claims.md",
    f"results/{TIER}/provenance.json",
    f"results/{TIER}/site/index.html",
    f"figures/{TIER}/README.md",
    *[f"figures/{TIER}/claims.{kind}" for kind in ("png", "pdf", "csv")],
    *[file for study in STUDIES for file in STUDY_OUTPUTS[study]],
]
CRATE = [f"results/{TIER}/{name}" for name in ("ro-crate-metadata.json", "Snakefile")]
