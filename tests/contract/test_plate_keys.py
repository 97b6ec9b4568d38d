"""Keyed hashes of plates: one normalisation, one folding, one hash for both sides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from contract.commands import Watchlist, WatchlistEntry
from contract.plate_keys import PlateKey, PlateKeyError, fold, look_alikes, normalise

KEY = PlateKey(bytes(range(32)))
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_the_hash_is_pinned_since_lists_and_edges_of_other_versions_must_agree() -> None:
    assert KEY.key_id == "068644f06a9896c6"
    assert KEY.digest("exact", "京A12345") == "a2575a880e026225f528b0b45949ae538a9022f7142ff16b350153f9a4e9e8fd"
    assert KEY.digest("folded", "京A12345") == KEY.digest("folded", "京AIZ34S")
    assert len({KEY.digest(purpose, "京A00000") for purpose in ("exact", "folded", "passage")}) == 3


@pytest.mark.parametrize("written", ["京A·12345", "京a 12345", " 京A-12345 ", "京Ａ１２３４５", "京A•123 45"])
def test_ways_to_write_a_plate_are_one(written: str) -> None:
    assert normalise(written) == "京A12345"


@pytest.mark.parametrize("written", ["", "京", "京A1234567890123", "京A/12345", "=1+1+1"])
def test_what_is_no_plate_is_refused(written: str) -> None:
    with pytest.raises(PlateKeyError, match="is no plate"):
        normalise(written)


def test_look_alikes_fold_to_the_same_and_the_nearest_come_first() -> None:
    found = list(look_alikes("京A80S77"))
    assert len(found) == len(set(found)) == 2 * 4 * 2 - 1
    assert {fold(other) for other in found} == {fold("京A80S77")}
    changes = [sum(a != b for a, b in zip("京A80S77", other, strict=True)) for other in found]
    assert changes == sorted(changes)
    assert list(look_alikes("京A34677")) == []


@pytest.mark.parametrize("text", ["", "ab", "g" * 64, "0" * 63])
def test_a_bad_key_is_refused_without_telling_it(text: str) -> None:
    with pytest.raises(PlateKeyError, match="64 hexadecimal digits") as caught:
        PlateKey.parse(text)
    assert not text or text not in str(caught.value)
    assert "0001" not in repr(KEY)


def entry(name: str = "e", **changes: object) -> WatchlistEntry:
    fields = {"entry_id": name, "exact": "0" * 64, "folded": "1" * 64, "expires": NOW + timedelta(days=1)}
    return WatchlistEntry.model_validate(fields | changes)


def test_an_entry_is_valid_from_its_start_until_it_expires() -> None:
    one = entry(starts=NOW)
    assert not one.valid_at(NOW - timedelta(seconds=1))
    assert one.valid_at(NOW)
    assert not one.valid_at(NOW + timedelta(days=1))


def test_a_list_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValidationError, match="starts at"):
        entry(starts=NOW + timedelta(days=1))
    with pytest.raises(ValidationError, match="'e' stands twice"):
        Watchlist(list_id="l", revision=1, key_id="k", entries=(entry(), entry()))
