from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from perennial.spec import ModelSpec
from perennial.spec.reading.messages import field_paths

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "spec.md").read_text()


def example(page):
    (found,) = re.findall(r"```yaml\n((?:#[^\n]*\n)?name:.*?)```", page, re.DOTALL)
    return found


EXAMPLE = example(PAGE)


@pytest.mark.parametrize("page", ["docs/spec.md", "README.md"])
def test_the_example_is_a_good_spec(page):
    text = example((ROOT / page).read_text())
    assert ModelSpec.model_validate(yaml.safe_load(text)).name == "late_orders"


@pytest.mark.parametrize("path", [".".join(map(str, path)) for path in field_paths(ModelSpec)])
def test_every_field_is_in_the_example_and_in_the_text(path):
    name = path.rpartition(".")[2]
    assert re.search(rf"\b{name}\b:", EXAMPLE)
    assert re.search(rf"`[\w.]*\b{name}\b", PAGE.replace(EXAMPLE, ""))
