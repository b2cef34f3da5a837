import re
from pathlib import Path

import pytest
import torch
from pydantic import Field, model_validator

from baselines import plugins, registry
from baselines.contract import CommonSettings
from baselines.networks import Trunk
from benchmark import learners, options, oracles
from benchmark.tasks import load_preset, load_task


class Settings(CommonSettings):
    """One of every kind."""

    groups: int = Field(2, ge=1, le=8, description="")
    weight: float = Field(0.5, gt=0, le=10, description="")
    sharp: bool = Field(True, description="")

    @model_validator(mode="after")
    def _go_together(self):
        if self.groups == 7 and not self.sharp:
            raise ValueError("groups is 7 and sharp is False; expected one or the other")
        return self


def says(text):
    """A pattern for the whole message, which has to be one line."""
    return f"^{re.escape(text)}$"


def test_an_unknown_method_gets_the_nearest_name():
    count = len(registry.names())
    near = f"no method 'combned'; did you mean 'combined'? python -m benchmark.list shows all {count}"
    with pytest.raises(ValueError, match=says(near)):
        options.chosen_methods(["combned"], None)
    with pytest.raises(ValueError, match=says(f"no method 'zzz'. python -m benchmark.list shows all {count}")):
        options.chosen_methods(["zzz"], None)


def test_all_stands_for_every_method_and_none_is_taken_twice():
    assert list(options.chosen_methods(["all"], None)) == registry.names()
    assert list(options.chosen_methods(["logmel", "all", "logmel"], None)).count("logmel") == 1
    assert list(options.chosen_methods(["untrained", "combined", "untrained"], None)) == ["untrained", "combined"]


def test_oracles_are_asked_for_by_name_and_are_not_among_all():
    labels = oracles.names()
    assert list(options.chosen_methods(["oracles"], None)) == labels + learners.names()
    assert len(labels) == len(set(labels)) == 22
    assert {"oracle.aligned", "oracle.aligned.one_hot", "oracle.noise"} <= set(labels)
    assert not set(labels) & set(options.chosen_methods(["all"], None))
    (chosen, source) = options.chosen_methods(["oracle.copied"], None)["oracle.copied"]
    assert (chosen, source.name) == (oracles.oracle("copied"), "oracles.py")
    with pytest.raises(ValueError, match=r"^no oracle 'oracle.alinged'; did you mean 'oracle.aligned'\? There are: "):
        options.chosen_methods(["oracle.alinged"], None)


def test_an_oracle_has_no_settings():
    one = oracles.oracle("aligned")
    assert options.settings_of("oracle.aligned", one, {}) is None
    assert options.label("oracle.aligned", None, []) == "oracle.aligned"
    with pytest.raises(ValueError, match=r"^'oracle.aligned' is an oracle and has no settings; got --set block_dims$"):
        options.settings_of("oracle.aligned", one, {"block_dims": 3})


def test_a_method_comes_with_its_file():
    for name, (cls, source) in options.chosen_methods(["all"], None).items():
        assert source.name == f"{name}.py"
        assert cls.__module__ == f"baselines.methods.{name}"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("phrases/tmbre", "no task 'phrases/tmbre': 'phrases' has no factor 'tmbre'; did you mean 'timbre'?"),
        ("phrase/timbre", "no task 'phrase/timbre'; did you mean 'phrases/timbre'?"),
        ("zzz", "no task 'zzz'. python -m benchmark.list shows the board's tasks"),
        ("phrases/pitch+timbre+loudness+rhythm", "it shares every factor, so the private block would own none"),
    ],
)
def test_an_unknown_task_gets_the_nearest_name(name, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        load_task(name)
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_gets_the_nearest_name():
    with pytest.raises(
        ValueError,
        match=r"^no preset 'quik'; did you mean 'quick'\? There are: "
        "tiny, tuning, finals, short, quick, long, standard",
    ):
        load_preset("quik")


def test_an_unknown_device_gets_the_nearest_name():
    with pytest.raises(
        ValueError, match=says("no device 'cdua'; did you mean 'cuda'? Devices are auto, cpu, cuda and cuda:N")
    ):
        options.chosen_device("cdua")
    for name in ("cpu:x", "cpu:", "auto:1", "cuda:x", "cuda:", "cuda:-1", "cuda:²", "mps", ""):
        with pytest.raises(ValueError, match=r"^no device .* Devices are auto, cpu, cuda and cuda:N$"):
            options.chosen_device(name)


def test_devices(monkeypatch):
    assert options.chosen_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert options.chosen_device("auto") == torch.device("cpu")
    with pytest.raises(
        ValueError, match=says("no device 'cuda': this machine has 0 CUDA devices; --device cpu works everywhere")
    ):
        options.chosen_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert options.chosen_device("auto") == torch.device("cuda", 0)
    assert options.chosen_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="no device 'cuda:2': this machine has 2 CUDA devices"):
        options.chosen_device("cuda:2")


def test_an_unknown_setting_gets_the_nearest_name_and_all_there_are():
    names = ", ".join(Settings.model_fields)
    with pytest.raises(ValueError, match=says(f"'mine' has no setting 'grups'; did you mean 'groups'? It has {names}")):
        options.settings_for("mine", Settings, {"grups": 3})
    with pytest.raises(ValueError, match=says(f"'mine' has no setting 'zzz'. It has {names}")):
        options.settings_for("mine", Settings, {"zzz": 3})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("groups", 0, "mine: groups is 0; expected an integer >= 1 and <= 8"),
        ("groups", 9, "mine: groups is 9; expected an integer >= 1 and <= 8"),
        ("groups", 1.5, "mine: groups is 1.5; expected an integer >= 1 and <= 8"),
        ("groups", True, "mine: groups is True; expected an integer >= 1 and <= 8"),
        ("weight", 0, "mine: weight is 0; expected a number > 0 and <= 10"),
        ("weight", float("nan"), "mine: weight is nan; expected a number > 0 and <= 10"),
        ("weight", "much", "mine: weight is 'much'; expected a number > 0 and <= 10"),
        ("sharp", 1, "mine: sharp is 1; expected true or false"),
    ],
)
def test_a_setting_out_of_range_or_type_names_itself_its_range_and_what_came(name, value, expected):
    with pytest.raises(ValueError, match=says(expected)):
        options.settings_for("mine", Settings, {name: value})


def test_settings_that_do_not_go_together_say_so():
    expected = "mine: groups is 7 and sharp is False; expected one or the other"
    with pytest.raises(ValueError, match=says(expected)):
        options.settings_for("mine", Settings, {"groups": 7, "sharp": False})


@pytest.mark.parametrize("name", ["combined", "contrastive", "reconstructive"])
def test_groups_that_do_not_divide_the_block_are_found_before_training(name):
    schema = registry.load(name).Settings
    with pytest.raises(ValueError, match=f"^{name}: shared_groups is 3; expected a divisor of block_dims, 16$"):
        options.settings_for(name, schema, {"block_dims": 16, "shared_groups": 3})
    assert options.settings_for(name, schema, {"block_dims": 15, "shared_groups": 3}).shared_groups == 3


def test_a_whole_number_will_do_for_a_real_one():
    settings = options.settings_for("mine", Settings, {"weight": 3, "groups": 8})
    assert (settings.weight, settings.groups) == (3.0, 8)
    assert settings.sharp is True


def test_labels_tell_settings_apart_and_only_those():
    def label(**given):
        return options.label("mine", options.settings_for("mine", Settings, given), given)

    assert label() == "mine"
    assert label(weight=0.1, groups=3) == label(groups=3, weight=0.1) == "mine,groups=3,weight=0.1"
    assert label(weight=1) == label(weight=1.0) == "mine,weight=1.0"
    assert label(sharp=False) == "mine,sharp=False"


METHOD = '''"""Mine."""
from baselines.contract import Method

class Mine(Method):
    def training_step(self, batch, optimiser_index=0):
        return {}

    def embed(self, inputs):
        return {}
'''


def test_a_plugin_is_chosen_by_the_name_of_its_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(METHOD)
    chosen = options.chosen_methods(["mine", "logmel"], path)
    assert list(chosen) == ["mine", "logmel"]
    assert (chosen["mine"][0].__name__, chosen["mine"][1]) == ("Mine", path)
    with pytest.raises(ValueError, match=r"holds the method 'mine': ask for it, --method mine$"):
        options.chosen_methods(["logmel"], path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mine.py", "def (:", r"the plugin '.*mine.py' does not run, line 1: SyntaxError: .*"),
        (
            "mine.py",
            "x = 1\n\nx / 0\n",
            r"the plugin '.*mine.py' does not run, line 3: ZeroDivisionError: division by zero",
        ),
        ("mine.py", "raise OSError('two\\nlines')", r"the plugin '.*' does not run, line 1: OSError: two lines"),
        ("mine.py", "import sys; sys.exit(3)", r"the plugin '.*mine.py' does not run, line 1: SystemExit: 3"),
        (
            "mine.py",
            METHOD.replace("training_step", "trainingstep"),
            r".*mine.py: Mine has no training_step: write one that returns the loss, or, for a method that does not "
            r"train, an optimisers that returns \[\]",
        ),
        (
            "oracle.py",
            METHOD,
            r"the plugin '.*oracle.py' cannot name a method: rename it, with letters, digits, _ and -",
        ),
        ("a,b=1.py", METHOD, r"the plugin '.*a,b=1.py' cannot name a method: rename it, with letters, digits, _ and -"),
        ("mine.py", "x = 1", r".*mine.py must define one Method; it defines 0, and no encoder, which has .*"),
        ("mine.py", "def embed(audio): ...", r".*mine.py has embed and no sample_rate: set it to that of .*"),
        ("mine.py", "sample_rate = 16_000", r".*mine.py has sample_rate and no embed: write .*"),
        ("mine.py", METHOD + METHOD.replace("Mine", "Other"), r".*mine.py must define one Method; it defines 2"),
        (
            "mine.py",
            METHOD.replace("embed", "embedd"),
            r".*mine.py: Mine has no embed: write one that returns the blocks",
        ),
        ("combined.py", METHOD, r"the plugin '.*combined.py' takes the name of a built-in method: rename the file"),
        ("mine.txt", METHOD, r"'.*mine.txt' is not a Python file"),
    ],
)
def test_a_broken_plugin_is_told_what_is_wrong_in_one_line(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^{message}$"):
        options.chosen_methods([path.stem], path)


def test_a_plugin_that_is_not_there_is_named():
    with pytest.raises(
        ValueError, match=r"^no plugin file 'nowhere.py'; expected a Python file that defines a Method$"
    ):
        options.chosen_methods(["nowhere"], Path("nowhere.py"))


BEFORE = METHOD.replace(
    "    def training_step", "    def __init__(self, trunk, blocks, settings):\n        {body}\n\n    def training_step"
)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "self.encoder = trunk.encoder(4)",
            r".*mine.py: begin Mine.__init__ with super\(\).__init__\(trunk, blocks, settings\), line 6: Attr.*",
        ),
        ("self.width = 4", r".*mine.py: begin Mine.__init__ with super\(\).__init__\(trunk, blocks, settings\)"),
        (
            "super().__init__(trunk, blocks, settings); self.encoder = trunk.encodr(4)",
            r".*mine.py: Mine cannot be built, line 6: AttributeError: 'Trunk' object has no attribute 'encodr'",
        ),
    ],
)
def test_a_plugin_that_cannot_be_built_is_told_why_in_one_line(tmp_path, body, message):
    path = tmp_path / "mine.py"
    path.write_text(BEFORE.replace("{body}", body))
    cls = plugins.load(plugins.Address.of(path))[0]
    with pytest.raises(ValueError, match=f"^{message}$") as caught:
        registry.built(cls, path, Trunk(8, 8, 8, 1), ("shared", "private"), cls.Settings())
    assert "\n" not in str(caught.value)


def test_a_method_that_does_not_train_needs_no_training_step(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(METHOD.replace("def training_step(self, batch, optimiser_index=0)", "def optimisers(self)"))
    cls = plugins.load(plugins.Address.of(path))[0]
    assert registry.built(cls, path, Trunk(8, 8, 8, 1), ("shared",), cls.Settings()).blocks == ("shared",)
