"""The prepared reference's file: the same findings after loading, small where it can be, and clear errors."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from perennial.drift import ChiSquare, KolmogorovSmirnov
from perennial.errors import DataError


@pytest.fixture
def reference():
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(2000), 10)
    return {
        "float": rng.normal(size=20_000),
        "narrow": rng.normal(size=20_000).astype(np.float32),
        "minutes": rng.integers(0, 1440, 20_000).astype(float),
        "few": rng.integers(0, 4, 20_000),
        "holes": np.where(rng.random(20_000) < 0.2, np.nan, rng.normal(size=20_000)),
        "empty": np.full(20_000, np.nan),
        "who": who,
    }


def batch_of(reference):
    return {name: np.asarray(values[5_000:7_000]) * 1.1 for name, values in reference.items() if name != "who"} | {
        "who": reference["who"][:2000]
    }


@pytest.mark.parametrize("entity", [None, "who"])
def test_a_loaded_reference_finds_the_same(tmp_path, reference, entity):
    test = KolmogorovSmirnov.fit(reference, entity=entity)
    test.save(tmp_path / "reference.npz")
    loaded = KolmogorovSmirnov.load(tmp_path / "reference.npz")
    assert loaded.columns == test.columns
    assert loaded.entity == entity
    assert loaded.compare(batch_of(reference)) == test.compare(batch_of(reference))


def test_a_loaded_reference_outlives_its_file(tmp_path, reference):
    test = KolmogorovSmirnov.fit(reference)
    path = tmp_path / "reference.npz"
    test.save(path)
    loaded = KolmogorovSmirnov.load(path)
    path.unlink()
    assert loaded.compare(batch_of(reference)) == test.compare(batch_of(reference))


def test_categories_keep_their_text(tmp_path):
    test = ChiSquare.fit({"origin": ["Zürich", "JFK", "名古屋", ""] * 50}, columns=["origin"])
    test.save(tmp_path / "categories.npz")
    loaded = ChiSquare.load(tmp_path / "categories.npz")
    assert loaded.shares("origin") == test.shares("origin") == {"": 0.25, "JFK": 0.25, "Zürich": 0.25, "名古屋": 0.25}


def test_the_file_is_small_and_holds_no_pickle(tmp_path, reference):
    path = tmp_path / "reference.npz"
    KolmogorovSmirnov.fit({name: reference[name] for name in ("float", "narrow", "minutes", "few")}).save(path)
    with np.load(path, allow_pickle=False) as arrays:
        sizes = {name: arrays[name].nbytes for name in arrays.files}
    assert sizes["0.values"] == 8 * 20_000
    assert sizes["1.values"] == 4 * 20_000
    assert sizes["2.values"] == 0
    assert sizes["3.values"] == 8 * 4


def test_another_tests_file_is_refused(tmp_path, reference):
    KolmogorovSmirnov.fit(reference).save(tmp_path / "reference.npz")
    with pytest.raises(DataError, match="prepared reference of KolmogorovSmirnov, version 1; ChiSquare"):
        ChiSquare.load(tmp_path / "reference.npz")


@pytest.mark.parametrize("damage", ["text", "cut", "compressed", "other"])
def test_a_damaged_file_is_a_clear_error(tmp_path, reference, damage):
    path = tmp_path / "reference.npz"
    KolmogorovSmirnov.fit(reference).save(path)
    if damage == "text":
        path.write_text("not an archive")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    elif damage == "compressed":
        np.savez_compressed(path, header=np.zeros(3, dtype=np.uint8))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "something else")
    with pytest.raises(DataError, match=r"reference\.npz is not a prepared reference, or is damaged"):
        KolmogorovSmirnov.load(path)
