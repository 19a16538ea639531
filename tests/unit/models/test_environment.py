from __future__ import annotations

import importlib.metadata
import re

import pytest

import perennial
from perennial.models import environment
from perennial.models.environment import code_version, library_versions, system_description


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    monkeypatch.delenv("PERENNIAL_CODE_VERSION", raising=False)
    code_version.cache_clear()
    yield
    code_version.cache_clear()


def test_the_environment_may_state_the_code_version(monkeypatch):
    monkeypatch.setenv("PERENNIAL_CODE_VERSION", "image-42")

    assert code_version() == "image-42"


def test_a_checkout_gives_the_commit():
    assert re.fullmatch(rf"{re.escape(perennial.__version__)}\+g[0-9a-f]{{12,40}}(-dirty)?", code_version())


def test_without_a_checkout_the_packages_version_is_enough(monkeypatch, tmp_path):
    monkeypatch.setattr(environment.perennial, "__file__", str(tmp_path / "__init__.py"))

    assert code_version() == perennial.__version__


def test_without_git_the_packages_version_is_enough(monkeypatch):
    monkeypatch.setenv("PATH", "")

    assert code_version() == perennial.__version__


def test_libraries_and_machine_are_named():
    assert library_versions()["scikit-learn"] == importlib.metadata.version("scikit-learn")
    assert "Python 3." in system_description()
