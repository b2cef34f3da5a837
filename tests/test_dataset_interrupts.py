"""Ctrl-C in the worst moment, inside a C library's callback: obeyed, and no byte is another one than without it."""

import io
import os
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from exported import tree, wanted

from generators.dataset import interrupts, manifest, rendering, verify
from generators.dataset.export import export
from generators.dataset.lines import FailedError
from generators.dataset.work import PREFIX

SAMPLES = (3_000 * np.sin(np.arange(16_000) * 0.05)).astype(np.int16)
CALLS = ("seek", "tell", "write")


def watched(monkeypatch, happening):
    """Have `happening(operation, number of its call)` before each operation of a file that libsndfile writes to."""

    class Watched(io.BytesIO):
        def __init__(self, *content):
            super().__init__(*content)
            self.counts = dict.fromkeys((*CALLS, "readinto"), 0)

        def _before(self, operation):
            self.counts[operation] += 1
            happening(operation, self.counts[operation])

        def seek(self, *arguments):
            self._before("seek")
            return super().seek(*arguments)

        def tell(self):
            self._before("tell")
            return super().tell()

        def write(self, content):
            self._before("write")
            return super().write(content)

        def readinto(self, buffer):
            self._before("readinto")
            return super().readinto(buffer)

    monkeypatch.setattr(rendering, "io", type("Io", (), {"BytesIO": Watched}))


@pytest.fixture(autouse=True)
def obeyed():
    """Ctrl-C as Python takes it, though whoever started the tests in the background had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "tones"
    export(wanted(validation=1), folder)
    return folder


@pytest.mark.parametrize("operation", [*CALLS, "readinto"])
def test_ctrl_c_in_any_callback_of_the_audio_library_is_obeyed_and_spoils_nothing(
    tmp_path, monkeypatch, undisturbed, operation
):
    most, pressed = 0, []

    def press(happens, number):
        nonlocal most
        most = max(most, number) if happens == operation else most
        if (happens, number) == (operation, target) and not pressed:
            pressed.append(number)
            os.kill(os.getpid(), signal.SIGINT)

    watched(monkeypatch, press)
    monkeypatch.setattr("generators.dataset.export._make_room", lambda *arguments: None)
    made, target = wanted(validation=1, clips_a_file=60), 0
    export(made, tmp_path / "whole")
    assert most > 0
    for target in range(1, most + 1):  # noqa: B007
        pressed.clear()
        with pytest.raises(KeyboardInterrupt):
            export(made, tmp_path / "out")
        assert not (tmp_path / "out" / manifest.NAME).exists()
        export(made, tmp_path / "out")
        assert tree(tmp_path / "out") == tree(tmp_path / "whole")
        shutil.rmtree(tmp_path / "out")


def test_ctrl_c_while_clips_are_read_again_is_obeyed(monkeypatch, undisturbed):
    pressed = []

    def press(happens, number):
        if not pressed:
            pressed.append(number)
            os.kill(os.getpid(), signal.SIGINT)

    watched(monkeypatch, press)
    with pytest.raises(KeyboardInterrupt):
        verify.verify(undisturbed, 20)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # swallowed in a callback, as told
@pytest.mark.parametrize("operation", CALLS)
def test_a_clip_that_is_spoilt_while_it_is_written_is_never_given(monkeypatch, operation):
    """Whatever fails in a callback: an error in one line, or bytes that are the clip's."""
    target, most, told = 0, 0, []

    def fail(happens, number):
        nonlocal most
        most = max(most, number) if happens == operation else most
        if (happens, number) == (operation, target):
            raise OSError("no")

    watched(monkeypatch, fail)
    rendering.encoded(SAMPLES, 16_000)
    for target in range(1, most + 1):
        try:
            content = rendering.encoded(SAMPLES, 16_000)
        except FailedError as error:
            told.append(str(error))
        else:
            target = 0  # not while it is read
            assert np.array_equal(rendering.decode(content), SAMPLES)
    assert told
    assert all("the same command makes it anew" in line for line in told)


def test_a_clip_that_is_another_one_when_read_is_not_given(monkeypatch):
    import soundfile

    write = soundfile.write
    monkeypatch.setattr(
        soundfile, "write", lambda file, samples, *more, **options: write(file, -samples, *more, **options)
    )
    with pytest.raises(FailedError, match="a clip was written as FLAC and is another one when read"):
        rendering.encoded(SAMPLES, 16_000)


def test_ctrl_c_waits_for_a_check_or_the_end_and_the_handler_of_before_is_back():
    before, order = signal.getsignal(signal.SIGINT), []

    def pressed(checked):
        with interrupts.held() as check:
            check()
            os.kill(os.getpid(), signal.SIGINT)
            order.append("goes on")
            if checked:
                check()
            order.append("to the end")

    with pytest.raises(KeyboardInterrupt):
        pressed(checked=True)
    assert order == ["goes on"]
    with pytest.raises(KeyboardInterrupt):
        pressed(checked=False)
    assert order == ["goes on", "goes on", "to the end"]
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_while_the_command_is_loaded_is_told_in_one_line(tmp_path):
    code = """
import runpy, sys
class Pressed:
    def find_spec(self, name, *more):
        if name == "generators.dataset.commands":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Pressed())
runpy.run_module("generators.dataset", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "interrupted; nothing was done\n")
    loaded = "import generators.dataset, sys; print('numpy' in sys.modules, generators.dataset.read.__name__)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout == "False read\n"


def test_another_thread_and_who_ignores_ctrl_c_are_left_alone():
    def one():
        with interrupts.held() as check:
            check()
            seen.append(signal.getsignal(signal.SIGINT))

    seen, before = [], signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=one)
    thread.start()
    thread.join()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        one()
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [before, signal.SIG_IGN]


def test_a_clip_that_cannot_be_decoded_is_named_and_the_way_that_is_told_mends_it(tmp_path, monkeypatch, undisturbed):
    good = rendering.encoded

    def spoilt(samples, *more, count=[0]):  # noqa: B006
        count[0] += 1
        return good(samples, *more) if count[0] != 7 else b"no"

    monkeypatch.setattr("generators.dataset.export._make_room", lambda *arguments: None)
    monkeypatch.setattr(rendering, "encoded", spoilt)
    export(wanted(validation=1), tmp_path / "out")
    named = (
        r"clip tones-validation-000006 in .*validation-00000-of-00002.parquet: no audio file: .*; remove that file: "
        "exporting into the folder makes it anew"
    )
    with pytest.raises(FailedError, match=named):
        verify.verify(tmp_path / "out", None)
    (tmp_path / "out" / "data" / "validation-00000-of-00002.parquet").unlink()
    export(wanted(validation=1), tmp_path / "out")
    assert tree(tmp_path / "out") == tree(undisturbed)
    assert not (tmp_path / "out" / PREFIX).exists()
