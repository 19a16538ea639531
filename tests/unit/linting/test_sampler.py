from __future__ import annotations

import pytest

from perennial.errors import SpecError
from perennial.linting import sampler
from perennial.spec.tuning import Tuning
from perennial.tuning import samplers


def test_a_sampler_without_its_library_is_said_by_lint_and_before_the_first_trial(monkeypatch):
    for module in (sampler, samplers):
        monkeypatch.setattr(module, "find_spec", lambda _: None)
    (found,) = sampler.check_sampler(Tuning(sampler="gp"))
    assert found == (("tuning", "sampler"), "gp needs torch, which is not installed", "install it, or choose tpe")
    with pytest.raises(SpecError, match="gp needs torch"):
        samplers.sampler_of(Tuning(sampler="gp"), 0)
    assert not list(sampler.check_sampler(Tuning()))
