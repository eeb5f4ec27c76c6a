"""A ledger to try, and how hypothesis makes records that are right by construction."""

import uuid

import pytest
from hypothesis import strategies as st

from robofeed.data.episode import Segment
from robofeed.data.feedback import Query, Ranking, Rating, Stamp

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
TIMES = st.integers(0, 2**63 - 1)


@st.composite
def segments(draw):
    start = draw(st.integers(0, 1000))
    return Segment(draw(TEXT), start, start + draw(st.integers(1, 100)))


@st.composite
def orders(draw):
    """Two to five clips from best to worst, with ties."""
    clips = draw(st.permutations(range(draw(st.integers(2, 5)))))
    groups = [[clips[0]]]
    for clip in clips[1:]:
        if draw(st.booleans()):
            groups.append([clip])
        else:
            groups[-1].append(clip)
    return tuple(tuple(group) for group in groups)


@st.composite
def queries(draw):
    several = draw(st.lists(segments(), min_size=2, max_size=5))
    order = draw(st.permutations(range(len(several))))
    return Query(draw(TEXT), tuple(several), tuple(order), draw(TEXT))


STAMPS = st.builds(
    Stamp,
    uuid=st.integers(0, 2**128 - 1).map(lambda number: str(uuid.UUID(int=number))),
    person=TEXT,
    source=TEXT,
    shown_at_ns=TIMES,
    answered_at_ns=TIMES,
    shown_order=st.permutations(range(3)).map(tuple),
)

st.register_type_strategy(Segment, segments())
st.register_type_strategy(Stamp, STAMPS)
st.register_type_strategy(Query, queries())
st.register_type_strategy(Ranking, st.builds(Ranking, stamp=STAMPS, query_id=TEXT, order=orders()))
st.register_type_strategy(
    Rating, st.builds(Rating, stamp=STAMPS, segment=segments(), stars=st.integers(1, 5))
)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def ledger_url(request, tmp_path):
    """Where a new ledger may be opened, in each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/feedback.sqlite"
    return request.getfixturevalue("postgres").fresh_url()
