"""Splits as users write them: what is read back, and what is refused in one line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import generators
from generators.splits import IID, Split, parse

SPACE = generators.space("phrases")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("heldout( timbre, pitch ,.2)", "heldout(timbre,pitch,0.2)"),
        ("  heldout(timbre,pitch,0.20)", "heldout(timbre,pitch,0.2)"),
        ("extrapolate(pitch,2.5e-1)", "extrapolate(pitch,0.25)"),
        ("correlated(pitch,timbre,1.0)", "correlated(pitch,timbre,1)"),
        ("correlated(pitch,timbre,-0.0)", "correlated(pitch,timbre,0)"),
        ("iid ( )", "iid"),
    ],
)
def test_names_are_canonical(text, name):
    split = parse(text)
    assert split.name == name
    assert parse(split.name) == split
    assert IID.name == "iid"


@given(st.sampled_from(["heldout", "correlated"]), st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_any_name_is_read_back(kind, amount):
    split = Split(kind, ("pitch", "timbre"), amount)
    assert parse(split.name) == split


BAD = {
    "": "no split ''. There are: iid, heldout(factor,factor,share), extrapolate(factor,share), correlated(",
    "heldot(timbre,pitch,0.2)": "no split 'heldot'; did you mean 'heldout'? There are: iid, heldout(",
    "heldout(timbre,pitch,0.2": "no split 'heldout(timbre,pitch,0.2'; there are: iid",
    "heldout": "'heldout' has 0 arguments; expected 3: heldout(factor,factor,share)",
    "iid(pitch)": "'iid(pitch)' has 1 arguments; expected 0: iid",
    "heldout(timbre,0.2)": "'heldout(timbre,0.2)' has 2 arguments; expected 3: heldout(factor,factor,share)",
    "extrapolate(pitch,loudness,0.2)": "has 3 arguments; expected 2: extrapolate(factor,share)",
    "extrapolate(0.2,pitch)": "'extrapolate(0.2,pitch)' ends in 'pitch'; expected a number",
    "extrapolate(pitch,)": "ends in ''; expected a number",
    "extrapolate(pich,0.2)": "'extrapolate(pich,0.2)': no factor 'pich'; did you mean 'pitch'? There are: pitch",
    "heldout(timbre,zzz,0.2)": "no factor 'zzz'. There are: pitch, timbre, loudness, rhythm",
    "heldout(timbre,timbre,0.2)": "'heldout(timbre,timbre,0.2)' has the factor 'timbre' twice",
    "heldout(timbre,pitch,0)": "the share of 'heldout(timbre,pitch,0)' is 0.0; expected more than 0 and less than 1",
    "heldout(timbre,pitch,1)": "is 1.0; expected more than 0 and less than 1",
    "heldout(timbre,pitch,nan)": "is nan; expected more than 0 and less than 1",
    "extrapolate(pitch,-0.1)": "the share of 'extrapolate(pitch,-0.1)' is -0.1; expected more than 0 and less than 1",
    "correlated(pitch,timbre,1.1)": "the strength of 'correlated(pitch,timbre,1.1)' is 1.1; expected 0 to 1",
    "correlated(pitch,timbre,nan)": "is nan; expected 0 to 1",
    "extrapolate(timbre,0.2)": "the levels of 'timbre' have no order; those of these have: pitch, loudness",
    "extrapolate(loudness,0.05)": "'extrapolate(loudness,0.05)': that is 0 of 6 levels; expected 1 to 5",
    "extrapolate(loudness,0.95)": "that is 6 of 6 levels; expected 1 to 5",
    "heldout(timbre,pitch,0.001)": "0.001 of 192 pairs of levels is 0; expected 1 to 168: every level must keep one",
    "heldout(timbre,pitch,0.9)": "0.9 of 192 pairs of levels is 173; expected 1 to 168: every level must keep one",
}


@pytest.mark.parametrize(("text", "says"), BAD.items(), ids=list(BAD))
def test_a_bad_split_is_told_in_one_line(text, says):
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        parse(text).rows(SPACE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("arguments", [("heldout", ("pitch",), 0.2), ("iid", ("pitch",)), ("extrapolate", (), 0.2)])
def test_a_split_made_by_hand_is_checked_too(arguments):
    with pytest.raises(ValueError, match=r"^'\w+' takes \d factors, not \d: "):
        Split(*arguments)
