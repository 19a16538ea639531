from __future__ import annotations

import base64
import re
import shutil
import stat
from pathlib import Path

import pytest

from tests.unit.deploy.script import load_script

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = REPOSITORY / ".env.example"
COMPOSE = (REPOSITORY / "docker-compose.yaml").read_text()
make_env = load_script(REPOSITORY / "docker" / "make_env.py")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the example, as a fresh checkout has it."""
    shutil.copy(EXAMPLE, tmp_path)
    return tmp_path


def _values(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_it_writes_every_secret_that_compose_requires(folder: Path) -> None:
    assert make_env.main(folder) == 0
    written = _values(folder / ".env")
    assert written.keys() == set(re.findall(r"\$\{(\w+):\?", COMPOSE))
    assert all(len(value) >= 20 for value in written.values()), "one is too short to be a secret"
    assert len(set(written.values())) == len(written)


def test_two_are_never_alike(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    shutil.copy(EXAMPLE, other)
    make_env.main(folder)
    make_env.main(other)
    assert not set(_values(folder / ".env").values()) & set(_values(other / ".env").values())


def test_only_its_owner_may_read_it(folder: Path) -> None:
    make_env.main(folder)
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600


def test_one_that_is_there_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_env.main(folder)
    before = (folder / ".env").read_text()
    assert make_env.main(folder) == 1
    assert (folder / ".env").read_text() == before
    assert "is there already, and stays" in capsys.readouterr().err


def test_one_of_an_older_version_is_told_the_line_that_it_lacks(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_env.main(folder)
    older = re.sub(r"^S3_SSE_KEY=.*\n", "", (folder / ".env").read_text(), flags=re.MULTILINE)
    (folder / ".env").write_text(older)
    capsys.readouterr()

    assert make_env.main(folder) == 1

    said = capsys.readouterr()
    assert "lacks S3_SSE_KEY: add what follows" in said.err
    assert re.fullmatch(r"S3_SSE_KEY=\S{43}\n", said.out)
    assert (folder / ".env").read_text() == older


def test_the_fernet_key_is_one(folder: Path) -> None:
    make_env.main(folder)
    assert len(base64.urlsafe_b64decode(_values(folder / ".env")["FERNET_KEY"])) == 32


def test_no_value_has_to_be_quoted_in_an_address_or_a_file(folder: Path) -> None:
    make_env.main(folder)
    assert all(re.fullmatch(r"[\w=-]+", value) for value in _values(folder / ".env").values())


def test_the_example_shows_every_setting_with_the_default_that_compose_has() -> None:
    shown = dict(re.findall(r"^#(\w+)=(.*)$", EXAMPLE.read_text(), flags=re.MULTILINE))
    defaults = dict(re.findall(r"\$\{(\w+):-([^${}]*(?:\$\{\w+:-\w+\})?)\}", COMPOSE))
    # Set by whoever builds, and what is off unless it is named.
    for name in ("CODE_VERSION", "STATSD_HOST", "MLFLOW_S3_UPLOAD_EXTRA_ARGS"):
        defaults.pop(name)
    for name, default in defaults.items():
        plain = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", default)
        assert shown[name] == plain, name


def test_an_example_without_a_secret_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 lines 'FERNET_KEY='"):
        make_env.filled("JWT_SECRET=\n")
