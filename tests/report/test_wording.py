import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.report import wording
from robofeed.report.chart import short_count


@pytest.mark.parametrize(
    "seconds, said",
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (227, "3 min 47 s"), (7500, "2 h 05 min")],
)
def test_durations(seconds, said):
    assert wording.duration(seconds) == said


@pytest.mark.parametrize(
    "value, said",
    [(0.0, "0"), (0.0344, "0.034"), (-1.136, "-1.1"), (12345.6, "12,000"), (1.5e-7, "1.5e-07")],
)
def test_numbers_to_two_digits(value, said):
    assert wording.number(value, 2) == said


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_not_known_is_not_a_figure(value):
    assert wording.percent(value) == wording.UNKNOWN == wording.number(value)


@pytest.mark.parametrize("value, said", [(500, "500"), (2000, "2k"), (12500, "12.5k"), (3e6, "3M")])
def test_short_counts(value, said):
    assert short_count(value) == said


@given(st.sets(st.integers(0, 60), min_size=1))
def test_seeds_are_written_so_that_they_can_be_read_back(values):
    said = wording.seeds(sorted(values))
    if said.endswith("..."):
        return
    read = set()
    for part in said.split(", "):
        first, _, last = part.partition("-")
        read |= set(range(int(first), int(last or first) + 1))
    assert read == values
