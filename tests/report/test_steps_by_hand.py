"""What the report says of people at the controls."""

from dataclasses import replace

from robofeed.events import Corrected
from robofeed.report.facts import cost_facts
from robofeed.report.run_record import RunRecord, read_run


def facts_with(record, *events):
    changed = replace(record, events=(*record.events, *events), _by_kind={})
    return {fact.label: fact for fact in cost_facts(changed, None)}


def steered(number, steps, *latencies_ms):
    return Corrected(1.0, 10, f"e00000{number}", ("anna",), steps, latencies_ms, 0)


def test_steps_by_hand_are_counted_and_the_median_key_is_told(make_run):
    record: RunRecord = read_run(make_run())
    assert "Steps by hand" not in facts_with(record)
    fact = facts_with(record, steered(1, 30, 20.0, 50.0), steered(2, 12, 31.0))["Steps by hand"]
    assert fact.value == "42"
    assert fact.note == "in 2 episodes; key to motion 31 ms at the median of 3"
    assert facts_with(record, steered(1, 3))["Steps by hand"].note == "in 1 episode"
