"""A picture that is passed over without being read is no pixel, however it is written."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.mail import tracking

SIZES = [
    "1",
    "0",
    "2",
    ".5",
    "1.5",
    "-0",
    "+1",
    "10e-1",
    "3",
    "03",
    "01",
    "600",
    "1px",
    "600px",
    "2pt",
    "auto",
    "100%",
    "",
    " 1 ",
]
ADDRESSES = [
    "x.gif",
    "https://t.test/wf/open?a",
    "https://t.test/q/abcdefghijklmnopqrstuv",
    "https://t.test/wf/o\r\npen?a",
    "cid:a",
]
QUOTES = ["{}", '"{}"', "'{}'", '"{}', '""{}']
ATTRIBUTES = st.one_of(
    st.builds(
        lambda name, equals, quoted, size: name + equals + quoted.format(size),
        st.sampled_from(["width", "height", "WIDTH", "max-width", "data-width", "width\n", "width\v"]),
        st.sampled_from(["=", " = ", "=\t", ":"]),
        st.sampled_from(QUOTES),
        st.sampled_from(SIZES),
    ),
    st.builds(
        lambda side, size, end: f'style="border:0;{side}:{size}{end}"',
        st.sampled_from(["width", "height", "max-width", "Width"]),
        st.sampled_from(SIZES),
        st.sampled_from(["", ";", " !important", ";height:1px", "&#59;width:1px"]),
    ),
    st.builds(
        lambda quoted, address: f"src={quoted.format(address)}", st.sampled_from(QUOTES), st.sampled_from(ADDRESSES)
    ),
    st.sampled_from(["alt=''", "/", "width", "height", 'title="width=1"', "hidden"]),
)


@given(st.lists(ATTRIBUTES, max_size=6).map(" ".join))
@settings(max_examples=1500, deadline=None)
@example('src="x.gif" width=".5" height="1"')
@example('src="x.gif" width="-0" height="0"')
@example('src="x.gif" width="600" height="1" style="width:1px"')
def test_no_pixel_is_passed_over(attributes):
    tag = f"<img {attributes}>".encode()
    if any(tracking._pixels(tag, b"img")):
        assert tracking._may_be_pixel(tag.lower())


def test_a_picture_of_a_usual_size_is_passed_over():
    tag = b'<img src="https://img.test/a.jpg" width="260" height="1" style="width:100%;max-width:260px;height:auto">'
    assert not tracking._may_be_pixel(tag)
