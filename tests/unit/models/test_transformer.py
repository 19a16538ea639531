from __future__ import annotations

import sys

import pytest

from perennial.models.transform import source_digest
from perennial.models.transformer import code_digest
from perennial.spec.features import Features

OWN = "from sklearn.preprocessing import StandardScaler\n\nclass Own(StandardScaler):\n    factor = {factor}\n"


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """Write a module with a transformer of one's own, and forget the one before."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(factor):
        sys.modules.pop("own_transformers", None)
        (tmp_path / "own_transformers.py").write_text(OWN.format(factor=factor))
        return "own_transformers.Own"

    yield write
    sys.modules.pop("own_transformers", None)


def features(path, **more):
    return Features(numeric=["x"], steps=[{"transformer": path, "columns": ["x"]}], **more)


def test_code_of_ones_own_changes_the_digest_and_that_of_installed_packages_does_not(own_module):
    scaled = features("sklearn.preprocessing.StandardScaler")
    logged = Features(
        numeric=["x"],
        steps=[
            {
                "transformer": "sklearn.preprocessing.FunctionTransformer",
                "columns": ["x"],
                "params": {"func": {"import": "math.log"}},
            }
        ],
    )
    assert code_digest(logged) == code_digest(scaled) == code_digest(Features(numeric=["x"])) == ""

    first, again, other = (code_digest(features(own_module(factor))) for factor in (1, 1, 23))
    assert first == again != other


def test_without_steps_of_ones_own_it_is_the_digest_of_the_transform(own_module, transform_module):
    path = f"{transform_module}:hourly"
    plain = features("sklearn.preprocessing.StandardScaler", transform=path, inputs=["at"])
    assert code_digest(plain) == source_digest(path)
    assert code_digest(features(own_module(1), transform=path, inputs=["at"])) not in ("", source_digest(path))
