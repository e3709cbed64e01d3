"""Line ends and dots, against the plainest reading of RFC 5321 2.3.8 and 4.5.2."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail import lines
from gateway.mail.lines import Ends, even, stuffed, unstuffed

ALONE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
texts = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"a", b"\x85", b"\x00", b"\xff"]), max_size=30)
contents = texts.map(b"".join)
messages = st.lists(st.sampled_from([b".", b"..", b"a", b"\r\n", b"\r\n."]), max_size=30).map(b"".join)


@given(data=contents)
def test_even_is_what_has_no_cr_and_no_lf_alone(data: bytes) -> None:
    assert even(data) == (ALONE.search(data) is None)


@given(data=contents, cuts=st.lists(st.integers(0, 60), max_size=6))
def test_a_stream_is_judged_as_the_whole_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    stops = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    ends = Ends()
    for start, stop in pairwise(stops):
        judged = ends.see(bytearray(data[start:stop]))
        so_far = data[:stop].removesuffix(b"\r")  # which may yet be half of a CRLF
        assert judged == (ALONE.search(so_far) is None)
    assert ends.see(b"", final=True) == (ALONE.search(data) is None)


@pytest.mark.parametrize("alone", [b"\r", b"\n", b"\n\r", b"\r\r\n", b"\r\n\n"])
@pytest.mark.parametrize("place", [0, 1, 98, 99, 100, 101, 199, 200])
def test_one_that_stands_alone_is_found_at_every_edge_of_the_pieces(
    monkeypatch: pytest.MonkeyPatch, alone: bytes, place: int
) -> None:
    monkeypatch.setattr(lines, "_PIECE", 100)
    clean = b"ab\r\n" * 50
    assert even(clean)
    assert even(b"a" + clean)  # a CRLF cut in two
    assert not even(b"a" + clean + b"\r")
    place -= place % 4  # between lines
    assert not even(clean[:place] + alone + clean[place:])
    assert even(clean[:place] + b"\r\n" + clean[place:])


@pytest.mark.parametrize("few", [1, 3, 1_000])
@given(content=messages)
def test_dots_come_back_as_they_went(few: int, content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_FEW", few)
        body = stuffed(content)
        assert unstuffed(body) == content
    assert not any(re.match(rb"\.(?!\.)", line) for line in body.split(b"\r\n"))
    assert (body is content) == (not any(line.startswith(b".") for line in content.split(b"\r\n")))
