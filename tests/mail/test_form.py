"""A form gives back what was written, with other words where the stand-ins were, broken or not."""

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.form import Form, StandIns

ONE, TWO = "z" + "k4mq7" * 8, "z" + "w2xv5" * 8
STAND_INS = StandIns(ONE, TWO)
word = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=41, max_size=41)
text = st.lists(st.sampled_from([ONE, TWO, ONE[:-1], "z", "=", ' href="', "\r\n", "é", "x" * 30]), max_size=12)


@given(text, word, word)
def test_words_go_where_the_stand_ins_came_out_of_quoted_printable(pieces, one, two):
    def coded(written: list[str]) -> bytes:
        return binascii.b2a_qp(b"\r\n" + "".join(written).encode())

    form = Form([memoryview(b"theirs " + ONE.encode()), coded(pieces), b"", coded([])], STAND_INS)
    own = [{ONE: one, TWO: two}.get(piece, piece) for piece in pieces]
    expected = b"top theirs " + ONE.encode() + coded(own) + coded([])
    assert form.filled((one.encode(), two.encode()), b"top ") == expected
    assert form.filled((two.encode(), one.encode())) != b"", "a form can be filled again"
    assert form.filled((one.encode(), two.encode()), b"top ") == expected


@pytest.mark.parametrize("bad", ["short", "A" * 40, "a." * 20, "a" * 65, "é" * 40])
def test_a_stand_in_that_could_be_encoded_otherwise_is_refused(bad):
    with pytest.raises(ValueError, match="letters and digits"):
        StandIns(ONE, bad)
