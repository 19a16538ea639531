from __future__ import annotations

import pytest

from perennial.spec import SpecFileError, load_spec
from perennial.spec.concerns import Concern, digest_of
from perennial.spec.model_spec import ModelSpec
from perennial.spec.monitoring import Monitoring, Retraining

WATCHED = """\
monitoring:
  schedule: {cron: "0 * * * *", time_zone: Europe/Berlin}
  min_rows: 100
  drift:
    level: 0.05
    min_columns: 1
    exclude: [hour]
  page_hinkley: {one_false_alarm_in: 50000}
  performance:
    minimum: {roc_auc: 0.6}
  volume: {rows: 10000}
  require: {checks: 2, of: 4}
retraining:
  cooldown_days: 1
  at_most: {retrainings: 2, days: 7}
  breaker: {rejections: 2, reset_days: 14}
  triggers: [ks, volume]
"""


def watched(late: str) -> str:
    lines = late.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("schedule:")) + WATCHED


def problems(write, text):
    with pytest.raises(SpecFileError) as caught:
        load_spec(write("late.yaml", text))
    return {(p.line, p.field): f"{p.message} ({p.hint})" for p in caught.value.problems}


def line_of(text: str, part: str) -> int:
    (found,) = [number for number, line in enumerate(text.splitlines(), start=1) if part in line]
    return found


def test_a_watched_model_is_read_with_all_its_parts(write, late):
    spec = load_spec(write("late.yaml", watched(late)))
    assert spec.monitoring.schedule.time_zone == "Europe/Berlin"
    assert spec.monitoring.drift.exclude == ("hour",)
    assert spec.monitoring.require.of == 4
    assert spec.retraining.triggers == ("ks", "volume")
    assert spec.retraining.at_most.days == 7


def test_what_is_not_said_is_cautious():
    monitoring, retraining = Monitoring(), Retraining()
    assert monitoring.drift.level == 0.01
    assert (monitoring.require.checks, monitoring.require.of) == (2, 3)
    assert monitoring.performance is None
    assert "volume" not in retraining.triggers
    assert retraining.cooldown_days == 3


def test_an_empty_mapping_turns_watching_on_and_nothing_leaves_it_off(write, late):
    assert load_spec(write("late.yaml", late)).monitoring is None
    assert load_spec(write("late.yaml", late + "monitoring: {}\n")).monitoring == Monitoring()


def test_a_spec_written_out_with_its_defaults_is_read_again(write, late):
    for text in (late + "monitoring: {schedule: {every_minutes: 5}}\n", watched(late)):
        spec = load_spec(write("late.yaml", text))
        again = ModelSpec.model_validate(spec.model_dump())
        assert again == spec
        assert digest_of(again, *Concern) == digest_of(spec, *Concern)


def test_the_entity_is_among_the_columns_that_are_read(write, late):
    text = watched(late).replace("level: 0.05", "entity: tail")
    assert "tail" in load_spec(write("late.yaml", text)).columns


@pytest.mark.parametrize(
    ("was", "becomes", "at", "field", "said"),
    [
        ("min_rows: 100", "min_row: 100", "min_row:", "monitoring.min_row", "did you mean 'min_rows'"),
        ("min_rows: 100", "min_rows: 1", "min_rows:", "monitoring.min_rows", "at least 2"),
        ("min_rows: 100", "lateness_days: -1", "lateness", "monitoring.lateness_days", "at least 0"),
        ('cron: "0 * * * *"', "every_minutes: 30", "every_m", "monitoring.schedule.time_zone", "is for cron"),
        ('cron: "0 * * * *"', "cron: 0 * * *", "cron:", "monitoring.schedule.cron", "cron has five"),
        ("time_zone: Europe/Berlin", "every_minutes: 30", "cron:", "monitoring.schedule", "exactly one of"),
        ("Europe/Berlin", "Berlin", "cron:", "monitoring.schedule.time_zone", "unknown time zone"),
        ("level: 0.05", "level: 0.5", "level:", "monitoring.drift.level", "less than 0.5"),
        ("level: 0.05", "effect_floor: 1", "effect", "monitoring.drift.effect_floor", "less than 1"),
        ("level: 0.05", "min_share: 0.5", "drift:", "monitoring.drift", "min_columns or min_share, not both"),
        ("min_columns: 1", "min_share: 20", "min_share", "monitoring.drift.min_share", "at most 1"),
        ("exclude: [hour]", "exclude: [hour, our]", "exclude", "monitoring.drift.exclude[1]", "'our' is not a feature"),
        ("in: 50000", "in: 10", "one_false", "monitoring.page_hinkley.one_false_alarm_in", "at least 1000"),
        ("{roc_auc: 0.6}", "{roc_auk: 1.0}", "roc_auk", "monitoring.performance.minimum.roc_auk", "'roc_auc'"),
        ("{roc_auc: 0.6}", "{log_loss: 1.0}", "log_loss", "monitoring.performance.minimum.log_loss", "under 'maximum'"),
        ("{roc_auc: 0.6}", "{r2: 0.6}", "r2", "monitoring.performance.minimum.r2", "not a metric of classification"),
        ("minimum: {roc_auc: 0.6}", "min_rows: 7", "performance:", "monitoring.performance", "name a metric"),
        ("{rows: 10000}", "{}", "volume:", "monitoring.volume.rows", "is required"),
        (
            "{checks: 2, of: 4}",
            "{checks: 5, of: 4}",
            "require",
            "monitoring.require",
            "5 of the last 4 checks is impossible",
        ),
        ("retrainings: 2", "retraining: 2", "at_most", "retraining.at_most.retraining", "'retrainings'"),
        ("rejections: 2", "rejections: 0", "breaker", "retraining.breaker.rejections", "at least 1"),
        ("reset_days: 14", "reset_days: 0", "breaker", "retraining.breaker.reset_days", "greater than 0"),
        ("cooldown_days: 1", "cooldown_days: 1d", "cooldown", "retraining.cooldown_days", "give a number"),
        ("[ks, volume]", "[ks, psi]", "triggers", "retraining.triggers[1]", "'psi'"),
        ("[ks, volume]", "[ks, ks]", "triggers", "retraining.triggers", "named twice: ks"),
        ("  volume: {rows: 10000}\n", "", "triggers", "retraining.triggers[1]", "'volume' never fires"),
    ],
)
def test_wrong_values_and_contradictions_are_placed(write, late, was, becomes, at, field, said):
    # What stands above has fields of the same names.
    start = watched(late).index("monitoring:")
    above, good = watched(late)[:start], watched(late)[start:]
    assert was in good
    part = good.replace(was, becomes, 1)
    text, line = above + part, above.count("\n") + line_of(part, at)
    found = problems(write, text)
    assert (line, field) in found
    assert said in found[line, field]
