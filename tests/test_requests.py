import re
from pathlib import Path

import pytest

from benchmark import requests
from benchmark.requests import Request
from benchmark.run_options import arguments
from benchmark.run_options import requests as asked


def test_one_value_stands_for_a_list_of_it():
    one = Request(method="combined", seeds=3, task="phrases/pitch", set={"temperature": 0.1})
    assert (one.method, one.seeds, one.task) == (["combined"], [3], ["phrases/pitch"])
    assert one.settings() == [{"temperature": 0.1}]


def test_settings_are_every_combination_of_their_values():
    one = Request(method="combined", set={"a": [1, 2], "b": [True, "x"]})
    assert one.settings() == [{"a": 1, "b": True}, {"a": 1, "b": "x"}, {"a": 2, "b": True}, {"a": 2, "b": "x"}]
    assert Request(method="combined").settings() == [{}]


def test_a_command_line_is_one_request():
    what = "--method combined logmel --task phrases/pitch phrases/timbre --seeds 0 1 --preset tiny --set a=1,2.5 b=x"
    options = arguments(what.split(" "))
    (one,) = asked(options)
    assert one == Request(
        method=["combined", "logmel"],
        task=["phrases/pitch", "phrases/timbre"],
        seeds=[0, 1],
        set={"a": [1, 2.5], "b": ["x"]},
        preset="tiny",
    )


def test_a_file_says_the_same(tmp_path):
    file = tmp_path / "many.yaml"
    file.write_text(
        "- method: [combined, mine]\n  plugin: mine.py\n  seeds: [0, 1]\n  set: {temperature: [0.1, 0.2]}\n"
        "- {method: all, task: phrases/pitch, preset: tiny}\n"
    )
    first, second = asked(arguments(["--runs", str(file)]))
    assert first.plugin == str(tmp_path / "mine.py")
    assert first.set == {"temperature": [0.1, 0.2]}
    assert second == Request(method=["all"], task=["phrases/pitch"], preset="tiny")
    file.write_text("method: combined\n")
    assert asked(arguments(["--runs", str(file)])) == [Request(method=["combined"])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "- method: combined\n  sede: 1\n",
            "entry 1: no field 'sede'; did you mean 'seeds'? An entry has method, task",
        ),
        ("- method: combined\n- task: phrases/pitch\n", "entry 2: method: Field required"),
        ("- method: combined\n  seeds: [x]\n", "entry 1: seeds.0: Input should be a valid integer"),
        ("- method: []\n", "entry 1: method: Value should have at least 1 item"),
        ("- combined\n", "entry 1: the whole entry: Input should be a valid dictionary"),
        ("a: [\n", "is not YAML: expected the node content, but found '<stream end>' in line 2, column 1"),
        ("[]", "asks for nothing"),
        ("!!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_file_that_is_wrong_is_told_by_entry_and_field(text, message, tmp_path):
    file = tmp_path / "many.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        requests.from_file(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(ValueError, match=r"^cannot read no\.yaml \(No such file or directory\)$"):
        requests.from_file(Path("no.yaml"))


def test_assignments_keep_their_types():
    texts = ["a=1", "b=0.5", "c=true", "d=word", "e=1e-3,2", "f=null", "g=x=y", "h=", "j=-2"]
    assert requests.values_set(texts) == {
        "a": [1], "b": [0.5], "c": [True], "d": ["word"], "e": [1e-3, 2], "f": ["null"], "g": ["x=y"], "h": [""],
        "j": [-2],
    }  # fmt: skip
    assert type(requests.values_set(["a=1"])["a"][0]) is int
    assert requests.values_set(["a=1,1,2"]) == {"a": [1, 2]}


@pytest.mark.parametrize("text", ["temperature", "=3", ""])
def test_an_assignment_without_a_name_or_a_value_is_shown_back(text):
    with pytest.raises(ValueError, match=re.escape(f"--set takes name=value, or name=value,value; got '{text}'")):
        requests.values_set([text])


def test_a_setting_is_set_once():
    with pytest.raises(ValueError, match="--set gives 'a' twice"):
        requests.values_set(["a=1", "a=2"])
