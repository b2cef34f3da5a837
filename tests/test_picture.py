"""The picture of the board: where points lie, which are on the front, and that names stay text."""

import itertools
import xml.etree.ElementTree as ET

import pytest

from benchmark.picture import LEFT, RIGHT, Point, front, scatter

SVG = "{http://www.w3.org/2000/svg}"


def point(name, p, d, family="combined", halves=(0.01, 0.02)):
    return Point(name, family, p, d, *halves)


def test_the_front_holds_what_nothing_beats_in_both():
    points = [
        point("a", 0.9, 0.5),
        point("b", 0.8, 0.9),
        point("c", 0.8, 0.6),
        point("d", 0.7, 0.9),
        point("e", 0.95, 0),
    ]
    assert [one.name for one in front(points)] == ["b", "a", "e"]
    assert front([]) == []


def test_points_lie_where_their_scores_say():
    drawn = ET.fromstring(scatter([point("low", 0.8, 0.0), point("high", 1.0, 1.0)], "t"))
    places = {
        c.find(f"{SVG}title").text.split()[0]: c
        for c in drawn.iter(f"{SVG}circle")
        if c.find(f"{SVG}title") is not None
    }
    assert float(places["low"].get("cx")) == LEFT
    assert float(places["high"].get("cx")) == RIGHT
    assert float(places["low"].get("cy")) > float(places["high"].get("cy"))


def test_controls_are_drawn_and_not_on_the_front():
    drawn = scatter([point("logmel", 0.99, 0.99, "control"), point("mine", 0.9, 0.5), point("other", 0.8, 0.7)], "t")
    [line] = ET.fromstring(drawn).iter(f"{SVG}polyline")
    assert len(line.get("points").split()) == 2


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", 'a"b&c', "x" * 300, "tab\there\x00"])
def test_a_name_is_text_whatever_it_holds(name):
    drawn = ET.fromstring(scatter([point(name, 0.9, 0.5)], name))
    assert not list(drawn.iter(f"{SVG}script"))
    assert max(len(text.text) for text in drawn.iter(f"{SVG}text") if text.get("font-weight")) <= 28


def test_labels_of_points_in_one_place_lie_below_each_other():
    points = [point(f"method {i}", 0.9, 0.5) for i in range(5)]
    texts = [t for t in ET.fromstring(scatter(points, "t")).iter(f"{SVG}text") if t.get("font-weight")]
    heights = sorted(float(text.get("y")) for text in texts)
    assert min(b - a for a, b in itertools.pairwise(heights)) >= 14


def test_one_seed_has_no_interval_and_the_same_points_give_the_same_bytes():
    points = [point("a", 0.9, 0.5, halves=(None, None)), point("b", 0.8, 0.6)]
    assert scatter(points, "t") == scatter(points, "t")
    assert scatter(points[:1], "t").count('stroke="#0072b2"') == 0
