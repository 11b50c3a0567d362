"""What a recycle keeps in Redis, and in the service's tag."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.recycle.record import (
    Batch,
    Capacity,
    Record,
    Request,
    Tag,
    dumps,
    loads,
    parse_tag,
    tag_of,
)
from discovery.service import Scaling, Suspended

COUNT = st.integers(0, 10**7)
SCALING = st.none() | st.builds(
    Scaling, COUNT, COUNT, st.builds(Suspended, st.booleans(), st.booleans(), st.booleans())
)
WORDS = st.lists(st.text(max_size=20), max_size=3).map(tuple)
MOMENT = st.floats(0, 1e10)
RECORDS = st.builds(
    Record,
    id=st.text("0123456789abcdef", min_size=8, max_size=8),
    request=st.builds(Request, wait_time=MOMENT, batch_size=st.sampled_from(["1", "10%"])),
    phase=st.sampled_from(["preparing", "recycling", "restoring", "failed"]),
    batch_size=COUNT,
    floor=COUNT,
    total=COUNT,
    before=st.builds(Capacity, COUNT, SCALING),
    raised=st.none() | COUNT,
    raised_maximum=st.none() | COUNT,
    suspends=st.booleans(),
    started_at=MOMENT,
    updated_at=MOMENT,
    progress_at=MOMENT,
    batch=st.none() | st.builds(Batch, WORDS, st.sampled_from(["drain", "stop"]), MOMENT, MOMENT),
    stops=COUNT,
    scaling_now=SCALING,
    watched=WORDS,
    announced=WORDS,
    reason=st.text(),
)


@given(RECORDS)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    """Redis holds text; nothing is lost on the way."""
    assert record == loads(dumps(record))


@given(RECORDS)
def test_a_tag_has_all_that_restoring_needs_within_aws_limits(record: Record) -> None:
    """At most 256 characters, of those that AWS allows, and it comes back as it was."""
    text = tag_of(record)
    assert re.fullmatch(r"[A-Za-z0-9 +\-=._:/@]{1,256}", text)
    expected = Tag(
        record.id,
        record.stops,
        record.before,
        record.raised,
        record.raised_maximum,
        record.suspends,
    )
    assert expected == parse_tag(text)


@pytest.mark.parametrize("text", ["", None, "null", "[]", "{}", "x", '{"id": 1}', "id=1 stops=x"])
def test_what_is_no_record_is_none(text: str | None) -> None:
    """Anybody may have written the key or the tag."""
    assert None is loads(text)
    assert None is parse_tag(text)


# As the versions before this one wrote it, and can read it while two of them take turns.
STORED = (
    '{"id":"4f2a91c0","request":{"maintain_service_state":true,"wait_time":30.0,"drain_time":5.0,'
    '"batch_size":"1","replacement_timeout":600.0,"settle_time":0.0,"started_before":100.0,'
    '"allow_outage":false},"phase":"recycling","batch_size":1,"floor":3,"total":3,'
    '"before":[3,[1,3,[false,false,false]]],"raised":4,"raised_maximum":4,"suspends":false,'
    '"started_at":100.0,"updated_at":1000.0,"progress_at":1000.0,"batch":[["a"],"drain",995.0,0.0],'
    '"next_at":0.0,"stops":0,"desired_now":null,"scaling_now":[1,3,[false,false,false]],"left":3,'
    '"signature":"","watched":["n"],"replacements":[],"paused":false,"ending":"",'
    '"restoring_since":null,"fenced":false,"count_restored":false,"reason":"","ended_at":null,'
    '"announced":["started","paused","resumed"]}'
)


def test_the_stored_form_stays_as_it_is() -> None:
    """A deployment in the middle of a recycle changes the version that goes on with it."""
    record = loads(STORED)
    assert record
    assert (Batch(("a",), "drain", 995.0, 0.0), ("n",)) == (record.batch, record.watched)
    assert STORED == dumps(record)
