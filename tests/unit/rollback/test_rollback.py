from __future__ import annotations

from pathlib import Path
from urllib.parse import urlparse

import pandas as pd
import pytest

from perennial.champions.ledger import read_champions
from perennial.errors import PromotionError
from perennial.registry.champions import current_champion
from perennial.registry.tracking import Tracker
from perennial.rollback.examine import examine
from perennial.rollback.request import command_id
from perennial.rollback.roll_back import roll_back
from perennial.spec import ModelSpec
from tests.unit.rollback.conftest import NEWER, set_champion
from tests.watched_model import SPEC, Watched


def champion(model):
    return current_champion(model.deployment.store, model.tracking_uri, "watched").version


def moves(model):
    return [(one.kind, one.version) for one in read_champions(model.deployment.store, "watched")]


def take_back(model, request):
    run = model.run()
    return roll_back(run, request, examine(run, request))


def test_the_version_before_is_champion_again_and_the_ledger_says_by_whom_and_why(model, wanted):
    promotion = take_back(model, wanted())

    assert (promotion.version, promotion.previous_version, champion(model)) == ("1", "2", "1")
    entry = read_champions(model.deployment.store, "watched")[-1]
    assert (entry.kind, entry.by, entry.reason, entry.run_id) == ("rolled back", "alice", "bad answers", "manual__1")
    assert entry.verdict.startswith("They were not compared: there are 0 labelled rows after 2024-01-04")


def test_the_cards_of_both_versions_say_so(model, wanted):
    take_back(model, wanted())
    store = model.deployment.store
    first, second = (store.read(f"watched/runs/{run}/card.md").decode() for run in ("first", "second"))
    assert "**champion**" in first
    assert "**was champion**" in second
    for card in (first, second):
        assert "rolled back in place of version 2 by alice: bad answers" in card


def test_the_same_rollback_again_changes_nothing_and_does_not_go_further_back(model, wanted):
    first = take_back(model, wanted())
    assert take_back(model, wanted()) == first
    assert moves(model) == [("promoted", "1"), ("promoted", "2"), ("rolled back", "1")]


def test_a_rollback_that_was_made_long_ago_is_not_made_again(model, wanted):
    take_back(model, wanted())
    take_back(model, wanted("2", run_id="manual__2"))
    with pytest.raises(PromotionError, match="manual__1 has rolled watched back to version 1 already"):
        examine(model.run(), wanted())
    assert champion(model) == "2"


def test_the_same_command_is_the_same_rollback_until_the_alias_moves(model, wanted):
    run = model.run()
    before = command_id(run, "previous", "why", "alice")
    take_back(model, wanted(run_id=before))
    assert command_id(run, "previous", "why", "alice") == before
    take_back(model, wanted("2", run_id="manual__2"))
    assert command_id(run, "previous", "why", "alice") != before


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("2", "version 2 of watched is champion already: there is nothing to roll back"),
        ("7", "version 7 of watched is not in the registry. There are: 1, 2"),
        ("latest", "version latest of watched is not in the registry. There are: 1, 2"),
    ],
)
def test_what_is_no_earlier_version_is_refused(model, wanted, to, said):
    with pytest.raises(PromotionError, match=said):
        examine(model.run(), wanted(to))
    assert champion(model) == "2"


def test_a_version_that_was_deleted_is_refused_before_and_after_it_was_examined(model, wanted):
    registry = Tracker(model.tracking_uri).client
    first = registry.get_model_version("watched", "1")
    extra = registry.create_model_version("watched", first.source, run_id=first.run_id, tags=first.tags).version
    examination = examine(model.run(), wanted(str(extra)))
    registry.delete_model_version("watched", extra)
    said = f"version {extra} of watched is "
    with pytest.raises(PromotionError, match=said + "not in the registry. There are: 1, 2"):
        examine(model.run(), wanted(str(extra)))
    with pytest.raises(PromotionError, match=said + "no longer in the registry$"):
        roll_back(model.run(), wanted(str(extra)), examination)
    assert champion(model) == "2"
    assert moves(model) == [("promoted", "1"), ("promoted", "2")]


def test_the_first_champion_has_none_before_it(model, wanted):
    take_back(model, wanted())
    with pytest.raises(PromotionError, match="not known which version of watched was champion before version 1"):
        examine(model.run(), wanted(run_id="manual__2"))


def test_a_rollback_without_a_reason_is_refused(wanted):
    with pytest.raises(PromotionError, match="needs a reason"):
        wanted(reason="  ")


def test_a_version_that_scores_worse_is_refused_unless_forced_and_that_is_recorded(model, wanted):
    model.land(NEWER, 400)
    with pytest.raises(PromotionError, match=r"it scores worse than the champion: roc_auc 0\.5.* on 400 labelled rows"):
        examine(model.run(), wanted())
    assert champion(model) == "2"

    take_back(model, wanted(force=True))
    assert champion(model) == "1"
    (forced,) = read_champions(model.deployment.store, "watched")[-1].forced
    assert forced.startswith("it scores worse than the champion")


def test_a_better_version_is_compared_and_let_through(model, wanted):
    take_back(model, wanted())
    model.land(NEWER, 400)
    found = examine(model.run(), wanted("2", run_id="manual__2"))
    assert found.objections == ()
    assert "of version 2 and" in found.sentence
    assert ": better by " in found.sentence


def test_a_version_whose_columns_the_source_no_longer_has_is_refused_unless_forced(model, wanted):
    for path in (model.home / "rows").iterdir():
        pd.read_parquet(path).drop(columns="holes").to_parquet(path, index=False)
    fewer = ModelSpec.model_validate(SPEC | {"features": {"numeric": ["x"]}})
    without = Watched(model.home, model.tracking_uri, fewer)
    said = r"reads columns that the source lacks \(holes: the source no longer has it\)"
    with pytest.raises(PromotionError, match=said):
        examine(without.run(), wanted())
    assert examine(without.run(), wanted(force=True)).objections


def test_a_damaged_version_is_refused_even_if_forced(model, wanted):
    source = Tracker(model.tracking_uri).client.get_model_version("watched", "1").source
    (file,) = Path(urlparse(source).path).rglob("model.skops")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    try:
        with pytest.raises(PromotionError, match=r"version 1 of watched cannot be champion again: .*model\.skops"):
            examine(model.run(), wanted(force=True))
    finally:
        file.write_bytes(whole)
    assert champion(model) == "2"


def test_a_champion_that_is_not_the_one_it_was_examined_against_stays(model, wanted):
    run = model.run()
    examined = examine(run, wanted()).model_copy(update={"champion": "9"})
    said = "champion of watched is version 2, and version 1 was examined against version 9: roll back again"
    with pytest.raises(PromotionError, match=said):
        roll_back(run, wanted(), examined)
    assert champion(model) == "2"


def test_a_candidate_that_was_rolled_back_is_not_promoted_again_without_something_new(two_champions, wanted):
    registry = Tracker(two_champions.tracking_uri).client
    set_champion(two_champions, "2")
    take_back(two_champions, wanted(run_id="here"))
    try:
        two_champions.retrain("second")
        two_champions.retrain("third")
        assert champion(two_champions) == "1"
        assert "Fit to promote" in registry.get_model_version("watched", "2").description
        rejected = [one for one in registry.search_model_versions("name = 'watched'") if int(one.version) > 2]
        assert len(rejected) == 2
        for version in rejected:
            assert "as version 2, which was rolled back: there is nothing new to promote" in version.description
        two_champions.land(NEWER, 600)
        two_champions.retrain("fourth")
        assert int(champion(two_champions)) > max(int(one.version) for one in rejected)
    finally:
        set_champion(two_champions, "2")
