"""One run from its specification to its stored result, in whatever process it is that an engine chose."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import tempfile
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import psutil
import torch
from rich.console import Console
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from baselines import plugins, registry
from baselines.registry import line_of, said_by
from benchmark import artefacts, learners, oracles, results
from benchmark.checkpoint import Checkpoints
from benchmark.execution import JUDGED, Outcome, Run, execute
from benchmark.feature_store import prepare
from benchmark.features import Prepared
from benchmark.heap import keep_freed_memory
from benchmark.jobs import Job, Report, Specification, Status
from benchmark.limits import LimitError, limited
from benchmark.metrics.table import Score
from benchmark.options import chosen_device, chosen_methods, settings_of
from benchmark.plan import artefacts_of, place_of, specification, stored
from benchmark.record import reset_peak_memory, result_of
from benchmark.results import ResultError
from benchmark.score import Codes
from benchmark.scoring import scores_of
from benchmark.stages import Stages
from benchmark.storage import place, write_whole
from benchmark.stored_clips import Export
from benchmark.tasks import load_preset, load_task
from benchmark.train import ContractError, DivergedError
from benchmark.trial import tried
from benchmark.workplace import Workplace, swept
from generators.splits import Role

KEPT = 2  # tasks whose clips a process holds on to
LOG_WIDTH = 110

_prepared: OrderedDict[tuple[str, str, str, str], Prepared] = OrderedDict()
_first = True  # whether this process has done no run yet


def do(job: Job, screen: Console | None = None) -> Report:
    """Do a run, unless it is done already: train, embed, score, store. What goes wrong with it is in the report.

    screen: where its stages are shown; None: all that it prints goes to its log.
    """
    workplace = Workplace(place(job.results), job.run.id)
    try:
        with workplace.locked(job.wait) as mine:
            if not mine:
                return Report(Status.BUSY)
            if not job.force and _is_there(job):
                workplace.clear()
                return Report(Status.FOUND)
            said = workplace.last_words(job.command)
            if said is not None:  # this command's engine took the end of that process for the loss of a worker
                return Report(Status.FAILED, reason=said, log=str(workplace.log))
            return _tried(job, workplace, screen)
    except OSError as error:
        return Report(Status.FAILED, reason=f"cannot work in {workplace.folder} ({error.strerror or error})")


def _is_there(job: Job) -> bool:
    try:
        result = stored(job.run, place(job.results))
    except ResultError:
        return False
    return result is not None and result.id == job.run.id


def _tried(job: Job, workplace: Workplace, screen: Console | None) -> Report:
    """Do a run; what a method does wrong, be it to end its process by `exit`, is told and stops its own run alone."""
    begun, notes = time.perf_counter(), list[str]()
    try:
        if screen is not None:
            _limited(job, workplace, screen, begun, [])
        else:
            with workplace.logged() as log:
                try:
                    _limited(job, workplace, Console(file=log, width=LOG_WIDTH), begun, notes)
                except BaseException:
                    traceback.print_exc(file=log)
                    raise
    except BaseException as error:
        if screen is not None and (isinstance(error, KeyboardInterrupt) or _is_ours(error, job.run)):
            raise  # the user's wish; or a mistake of the suite's own, whose traceback is wanted
        log_file = None if screen is not None else str(workplace.log)
        return Report(Status.FAILED, time.perf_counter() - begun, _reason(error, job.run), log_file)
    workplace.clear()
    return Report(Status.DONE, time.perf_counter() - begun, notes=tuple(notes))


def _limited(job: Job, workplace: Workplace, console: Console, begun: float, notes: list[str]) -> None:
    """Compute a run under its limits, then store it: artefacts first, so that a result is never without them.

    notes: takes what is told of checkpoints, for a log is removed when its run is stored.
    """

    def tell(line: str) -> None:
        notes.append(line)
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    def last_words(reason: str) -> None:
        tell(reason)
        workplace.say_last_words(job.command, reason)

    stages = Stages(console)
    begun -= _since_start(stages)
    with limited(job.limits.seconds, job.limits.n_bytes, last_words):
        run = resolved(job.run, job.device)
        outcome, scores = _computed(job, run, workplace, stages, tell)
    root = place(job.results)
    swept(artefacts_of(job.run, root))
    swept(place_of(job.run, root))
    with stages.stage("show", "drawing the pictures"):
        artefacts.keep(run, outcome, scores, artefacts_of(job.run, root))
    results.write(result_of(run, outcome, scores, stages.seconds, begun, job.commit, job.export), root)


def _since_start(stages: Stages) -> float:
    """Seconds that it took to start this process, which are its first run's; noted as a stage."""
    global _first
    if not _first:
        return 0.0
    _first = False
    stages.seconds["start"] = _age_of_process()
    return stages.seconds["start"]


def _age_of_process() -> float:
    """Seconds since this process was started. On Linux by the clock that starts are noted in, which nobody sets."""
    stat = Path("/proc/self/stat")
    if not stat.is_file():
        return time.time() - psutil.Process().create_time()
    ticks = int(stat.read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def _computed(
    job: Job, run: Run, workplace: Workplace, stages: Stages, tell: Callable[[str], None]
) -> tuple[Outcome, list[Score]]:
    """Train, embed and score a run."""
    reset_peak_memory()
    keep_freed_memory()
    torch.set_num_threads(job.threads)
    threadpool_limits(job.threads)  # the other libraries
    if not _is_built_in(job.run.method):
        tried(run)
    prepared = _prepared_for(run, stages, job.export)
    checkpoints = Checkpoints(workplace.checkpoint, job.run.id, job.checkpoint_s, tell)
    outcome = execute(run, prepared, stages, job.precision, checkpoints, tell)
    with stages.stage("score", "scoring: probing every factor in every block") as report:
        probe, test = (_codes(run, prepared, outcome, role) for role in JUDGED)
        scores = scores_of(run.task, prepared.space, probe, test, run.device, report)
    return outcome, scores + outcome.scores


def _codes(run: Run, prepared: Prepared, outcome: Outcome, role: Role) -> Codes:
    blocks = {name: codes.cpu().numpy() for name, codes in outcome.embeddings[role].items()}
    trained = role == "probe" and run.preset.judge == "validation"
    return Codes(prepared.data.roles[role].levels, blocks, trained)


def _prepared_for(run: Run, stages: Stages, export: Export | None) -> Prepared:
    """The clips of a run's task, which the process may hold already."""
    key = run.task.name, run.preset.name, str(run.device), "" if export is None else export.sha256
    if key not in _prepared:
        _prepared[key] = prepare(run.task, run.preset, run.device, stages, export)
        while len(_prepared) > KEPT:
            _prepared.popitem(last=False)
    _prepared.move_to_end(key)
    return _prepared[key]


def resolved(one: Specification, device: str) -> Run:
    """The run of a specification, in this process. Raises ValueError where this machine has other code."""
    task, preset = load_task(one.task), load_preset(one.preset)
    plugin = None if one.plugin is None else _plugin(*one.plugin)
    chosen, source = chosen_methods([one.method], plugin)[one.method]
    settings = settings_of(one.method, chosen, one.settings)
    here = specification(task, one.preset, one.method, source, one.plugin, settings, one.settings, one.seed)
    if here.id != one.id:
        raise ValueError(
            f"the code, or the sound, of {platform.node()} is not that which the command planned with: "
            "bring both to one version, and start it again"
        )
    return Run(task, preset, one.label, chosen, source, settings, one.seed, chosen_device(device))


def _plugin(address: str, text: str) -> str:
    """The plugin's address on this machine: of a copy of its file, where this machine does not have it."""
    there = plugins.Address.of(address)
    if there.path is None or (there.path.is_file() and there.path.read_bytes() == text.encode()):
        return address
    folder = (
        Path(tempfile.gettempdir())
        / f"dtones-plugins-{getpass.getuser()}"
        / hashlib.sha256(text.encode()).hexdigest()[:16]
    )
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / there.path.name
    write_whole(copy, text)
    return f"{copy}:{there.attribute}" if there.attribute else str(copy)


# What says all there is to say; anything else is said with its kind.
PLAIN = (DivergedError, ContractError, ResultError, LimitError)
OF_A_METHOD = (*PLAIN, ValueError, SystemExit)


def _reason(error: BaseException, run: Specification) -> str:
    """What went wrong with a run, in one line; with the line of the method's file where it is the method's."""
    said = str(error) if isinstance(error, PLAIN) else said_by(error)
    if isinstance(error, SystemExit):
        said = f"it ended its process, with exit status {error.code}"
    where = "" if isinstance(error, DivergedError | ContractError | ResultError) else line_of(error, _file(run))
    if where:
        said = f"{_source(run)}{where}: {said}"
    elif _is_ours(error, run):
        said = f"{said} (a mistake of dTones, not of the method: please report it)"
    return " ".join(said.split())


def _is_ours(error: BaseException, run: Specification) -> bool:
    """Whether an error is the suite's own: not one that it raises of a method, nor one that passed through a plugin."""
    foreign = run.plugin is not None or not _is_built_in(run.method)
    return not isinstance(error, OF_A_METHOD) and not (foreign and line_of(error, _file(run)))


def _is_built_in(method: str) -> bool:
    return method.startswith(oracles.PREFIX) or method in registry.names()


def _file(run: Specification) -> Path:
    """The method's file on this machine."""
    return _source(run) if run.plugin is None else plugins.Address.of(_plugin(*run.plugin)).file()


def _source(run: Specification) -> Path:
    """The method's file, as the user knows it."""
    if run.plugin is not None:
        there = plugins.Address.of(run.plugin[0])
        return there.path or there.file()
    if run.method in learners.names():
        return learners.path_of(run.method)
    if not _is_built_in(run.method):
        return plugins.load_installed(run.method)[1]
    return Path(oracles.__file__) if run.method.startswith(oracles.PREFIX) else registry.path_of(run.method)
