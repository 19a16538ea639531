from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from perennial.drift import ChiSquare
from perennial.errors import DataError


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def flights(rng, rows, shares=(0.4, 0.3, 0.3)):
    return pd.DataFrame({"origin": rng.choice(["EWR", "JFK", "LGA"], rows, p=shares)})


def test_shares_that_move_are_found_and_told(rng):
    test = ChiSquare.fit(flights(rng, 20_000), columns=["origin"])
    found = test.compare(flights(rng, 2_000, (0.6, 0.2, 0.2)))["origin"]
    assert found.drifted
    assert found.effect == pytest.approx(0.2, abs=0.03)
    assert found.psi > 0.1
    assert found.sentence.startswith("clearly different shares")
    assert "'EWR' 4" in found.sentence


def test_shares_that_stay_are_no_drift(rng):
    assert ChiSquare.fit(flights(rng, 20_000), columns=["origin"]).compare(flights(rng, 2_000)).drifted == ()


def test_new_values_are_named(rng):
    batch = flights(rng, 1_000).replace({"LGA": "TTN"})
    found = ChiSquare.fit(flights(rng, 20_000), columns=["origin"]).compare(batch)["origin"]
    assert found.drifted
    assert found.unseen == ("TTN",)
    assert "new: 'TTN' (" in found.sentence


def test_missing_values_are_tested_beside(rng):
    batch = flights(rng, 1_000)
    batch.loc[:299, "origin"] = None
    found = ChiSquare.fit(flights(rng, 20_000), columns=["origin"]).compare(batch)["origin"]
    assert found.pvalue > 0.01
    assert found.missing.drifted
    assert found.drifted


def test_a_column_of_which_only_what_is_missing_can_be_tested_is_not_said_to_be_both(rng):
    reference = flights(rng, 1_000).assign(carrier=rng.choice(["AA", "UA"], 1_000), gate=None)
    batch = flights(rng, 1_000, (0.6, 0.2, 0.2)).assign(carrier=None, gate=None)
    report = ChiSquare.fit(reference, columns=["origin", "carrier", "gate"]).compare(batch)
    assert report.sentence == "2 of 3 columns drifted: carrier (in what is missing), origin; not tested: gate"
    assert report["carrier"].sentence == (
        "values not tested: the batch has 0 values in 1000 rows, fewer than 30; missing values went from 0.0% "
        "to 100.0%; look at the source first"
    )
    assert report["gate"].sentence.startswith("not tested: ")


def test_nothing_but_rare_values_is_not_tested(rng):
    test = ChiSquare.fit({"tail": [f"N{i}" for i in range(3000)]}, columns=["tail"])
    found = test.compare({"tail": [f"N{i}" for i in range(100)]})["tail"]
    assert not found.tested
    assert found.reason == "all of the reference's 3000 values are rare: fewer than 5 rows expected of each"


def test_all_missing_is_not_tested(rng):
    found = ChiSquare.fit(flights(rng, 500), columns=["origin"]).compare({"origin": [None] * 50})["origin"]
    assert not found.tested
    assert found.drifted


def test_booleans_and_integers_that_turn_into_floats_are_the_same_values():
    test = ChiSquare.fit({"flag": np.repeat([True, False], 200)}, columns=["flag"])
    report = test.compare({"flag": np.append(np.repeat([1.0, 0.0], 100), np.nan)})
    assert report["flag"].unseen == ()
    assert report.drifted == ()


def test_rows_that_repeat_an_entity_count_for_less(rng):
    def clustered(entities):
        usual = rng.integers(0, 3, entities)
        who = np.repeat(np.arange(entities), 40)
        value = np.where(rng.random(who.size) < 0.5, usual[who], rng.integers(0, 3, who.size))
        return pd.DataFrame({"value": value.astype(str), "who": who})

    reference = clustered(500)
    aware = ChiSquare.fit(reference, columns=["value"], entity="who")
    unaware = ChiSquare.fit(reference, columns=["value"])
    batches = [clustered(25) for _ in range(100)]
    assert np.mean([unaware.compare(b, effect_floor=0)["value"].drifted for b in batches]) > 0.3
    assert np.mean([aware.compare(b, effect_floor=0)["value"].drifted for b in batches]) <= 0.09


def test_absent_columns_are_named(rng):
    with pytest.raises(DataError, match="the reference has no column 'dest'; it has origin"):
        ChiSquare.fit(flights(rng, 100), columns=["dest"])
    test = ChiSquare.fit(flights(rng, 100), columns=["origin"])
    assert test.compare({"dest": ["a"] * 100})["origin"].reason == "the batch has no such column"


def test_text_has_shares_but_no_ecdf(rng):
    test = ChiSquare.fit({"origin": ["EWR", "EWR", "JFK", "EWR"]}, columns=["origin"])
    assert test.shares("origin") == {"EWR": 0.75, "JFK": 0.25}
    with pytest.raises(DataError, match="has no numbers"):
        test.ecdf("origin")
