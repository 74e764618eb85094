"""The part that all training commands share: options, resuming, progress, signals, the end."""

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import UseAppendAction

from rawgan.cli.parsing import Values, read
from rawgan.cli.terminal import signals
from rawgan.cli.terminal.outlet import GONE, reader_has_gone
from rawgan.cli.terminal.progress import moves_cursor, progress_of, waiting
from rawgan.cli.terminal.signals import leave_at_once, stopping
from rawgan.cli.terminal.tables import layer_table
from rawgan.cli.terminal.text import Terminal, say
from rawgan.cli.terminal.view import Log, View
from rawgan.config.augmentation import SMALL, default_augmentation
from rawgan.config.options import Word, options_of
from rawgan.config.run import RunConfig
from rawgan.data import ImageSet, Mixture, PairSet, name_of
from rawgan.errors import ArgumentError, ConfigError
from rawgan.gan import AUGMENTATIONS, MODELS, human_bytes
from rawgan.inference.fine_tuning import start_of, with_start
from rawgan.inference.moved_data import check_same_data, hinting_at_moved_data
from rawgan.inference.trained_networks import check_complete, report_damaged
from rawgan.storage import RunFolder
from rawgan.storage.checkpoint import About, Checkpoint
from rawgan.storage.lookup import is_folder, is_there
from rawgan.storage.new_folder import refuse_taken
from rawgan.storage.provenance import counts_of, differences
from rawgan.storage.toml_file import read_toml
from rawgan.training import Trainer, train
from rawgan.training.memory import memory_in_words
from rawgan_kernels import FLOAT32, gains

LISTED = 10
"""Most names of classes in a line."""


@dataclass(frozen=True)
class Call:
    """Options that say how rawgan was called, not what the run is: config.toml does not have them."""

    config: Annotated[tuple[Path, ...], Word("FILE"), UseAppendAction] = ()
    """A TOML file with any of these options, such as the config.toml of another run. Flags take precedence."""
    resume: Annotated[tuple[Path, ...], Word("FOLDER"), UseAppendAction] = ()
    """Run folder to continue from its latest checkpoint; with --steps or --epochs, for longer."""
    out: Annotated[Path | None, Word("FOLDER")] = None
    """The run folder, new or empty. Unset: runs/MODEL-DATA-DATE-TIME."""
    dry_run: bool = False
    """Build everything, take one step, print shapes and memory, write nothing."""


def train_command(arguments: list[str], kind: type[RunConfig]) -> int:
    """Train as the arguments say, with a configuration of that kind, and return the exit code."""
    call, before, config = asked_for(arguments, kind)
    console = Terminal()
    for path in call.resume:
        if call.out is not None:
            raise ArgumentError(f"--out is for new runs, but {path} goes on where it is; leave it out")
        config.check_resumed(before, path)
        folder = RunFolder.open(path)
        with folder.locked():
            return _resume(console, config, folder, call.dry_run)
    if call.out is not None:
        refuse_taken(call.out)
    config, start = with_start(config)
    trainer = _prepare(console, config, None, start)
    if call.dry_run:
        return _dry_run(console, trainer)
    folder = RunFolder.create(call.out, f"{config.model}-{name_of(config.data.place)}")
    with folder.locked():
        return _train(console, trainer, folder)


def asked_for(arguments: list[str], kind: type[RunConfig]) -> tuple[Call, RunConfig, RunConfig]:
    """The call, the configuration before flags change it, and the one that the arguments ask for."""

    def defaults(given: Values) -> Values:
        before = _before(kind, *_parted(given))
        return dict.fromkeys(before.options) | before.underived

    call, options = _parted(read(f"rawgan {kind.command}", arguments, kind, Call, defaults=defaults))
    before = _before(kind, call, options)
    other = {"init_digest": None} if "init" in options else {}  # a file may have the digest of other weights
    config = before.replace(**other, **options)
    for path in call.config:
        _check_together(config, before, path)
    return call, before, config


def _parted(given: Values) -> tuple[Call, Values]:
    """Options of the call, and options of the run."""
    of_call = {name: value for name, value in given.items() if name in options_of(Call)}
    return Call(**of_call), {name: value for name, value in given.items() if name not in of_call}


def _before(kind: type[RunConfig], call: Call, options: Values) -> RunConfig:
    """The configuration before flags change it: from the file of --config, from the run of --resume, or the defaults
    for the data and the model.

    Raises: ConfigError for a file that makes no sense. A file of --config is checked together with the flags.
    """
    files = call.config + call.resume
    if len(files) > 1:
        raise ArgumentError(f"of --config and --resume, {len(files)} are given; give one")
    decisive = {name: options[name] for name in ("data", "model") if name in options}  # other defaults depend on them
    if not files:
        return kind.of(**decisive)
    (path,) = files
    if is_folder(path) or call.resume:
        path = RunFolder.open(path).config_file  # a run folder stands for its configuration
    values = read_toml(path)
    if call.config:  # a file that says nothing of the model is read as options of the one that is asked for
        values = decisive | values | {name: decisive[name] for name in ("data",) if name in decisive}
    for one, other in (("steps", "epochs"), ("epochs", "steps")):
        if one in options:
            values.pop(other, None)
    return kind.from_dict(values, str(path), checked=not call.config)


def _check_together(config: RunConfig, before: RunConfig, path: Path) -> None:
    """Raise a ConfigError, naming the file, for a contradiction that is in the file, and that flags do not resolve."""
    wrong = _complaint(config)
    if wrong is not None and wrong == _complaint(before):
        raise ConfigError(f"{path}: {wrong}")


def _complaint(config: RunConfig) -> str | None:
    """Message about options that contradict each other; None if there is none."""
    try:
        config.check()
    except ArgumentError as error:
        return str(error)
    return None


def _resume(console: Console, config: RunConfig, folder: RunFolder, dry_run: bool) -> int:
    """Go on from the latest checkpoint that is not damaged."""
    checkpoint, faults = folder.newest_checkpoint()
    if checkpoint is not None:
        report_damaged(faults, checkpoint)
        check_complete(folder, folder.read_config(), checkpoint)
        before = config.from_dict(checkpoint.about.config, f"step {checkpoint.about.step}")
        config.check_resumed(before, folder.path)
    start = start_of(config, folder, begun=checkpoint is not None)
    with hinting_at_moved_data(config, folder):
        trainer = _prepare(console, config, checkpoint, start)
    if checkpoint is not None:
        _check_data(trainer, checkpoint.about, folder)
    if dry_run:
        return _dry_run(console, trainer)
    if checkpoint is None:
        say(console, "no checkpoint was written yet: the run starts again")
    elif changes := differences(checkpoint.about.made_by, trainer.made_by()):
        say(console, f"not bit-identical to an uninterrupted run, as these have changed: {'; '.join(changes)}")
    if trainer.reached > trainer.steps:
        raise ArgumentError(
            f"{folder.path} has taken {trainer.reached:,} steps already, more than {trainer.steps:,}\n"
            "  leave --steps out, or ask for more"
        )
    return _train(console, trainer, folder)


def _check_data(trainer: Trainer, about: About, folder: RunFolder) -> None:
    """Raise an ArgumentError for data that differs from that of the run before."""
    check_same_data(trainer.config, about, trainer.made_by())
    before, after = counts_of(about), [str(len(images)) for images in trainer.task.images]
    if before != after:  # another hold-out set, so a run would train with images that it is measured with
        raise ArgumentError(
            f"{trainer.config.data.place}: there are {' and '.join(after)} images, but step {about.step:,} "
            f"was trained when there were {' and '.join(before)}\n"
            f"  have them back, or begin a new run: rawgan {trainer.config.command} --config {folder.path}"
        )


def _train(console: Console, trainer: Trainer, folder: RunFolder) -> int:
    """Train to the end, or to the end of the step in which a signal arrives."""
    config, left = trainer.config, trainer.steps - trainer.reached
    if trainer.reached:
        say(console, f"going on after step {trainer.reached:,}" if left else "finished already; --steps asks for more")
    say(
        console,
        f"{config.model} on {_data_in_words(trainer)}: {left:,} step{'' if left == 1 else 's'} of "
        f"{config.data.batch_size} {config.spec.name}, on {trainer.device} ({_kernels_in_words(trainer)})",
        *_augmentation_in_words(trainer),
        f"run folder: {folder.path}",
    )
    display = View(console, trainer) if moves_cursor(console) else Log(console, trainer)
    with stopping(partial(say, console), leave_at_once if signals.alone else None) as stop:
        begun = trainer.reached

        def should_stop() -> bool:
            if stop.signal is None and reader_has_gone() and trainer.reached > begun:
                stop.signal = GONE - 128
            return stop.signal is not None

        with display:
            reached = train(trainer, folder, display, should_stop=should_stop, tell=display.tell)
        return _tell_end(console, trainer, folder, reached, stop.signal)


def _tell_end(console: Console, trainer: Trainer, folder: RunFolder, reached: int, asked: int | None) -> int:
    """Say where the files are, and return the exit code."""
    config = trainer.config
    made = {"pictures": folder.samples_folder, "animation": folder.animation_file, "losses": folder.losses_file}
    say(console, *(f"{what}: {path}" for what, path in made.items() if is_there(path)))
    if (best := folder.best_step()) is not None:
        say(console, f"best checkpoint: {folder.best_file}, of step {best:,}; --best makes images with it")
    alarms = folder.read_alarms()
    if alarms:
        say(console, f"{len(alarms)} finding{'' if len(alarms) == 1 else 's'}: rawgan diagnose {folder.path}")
    if reached < trainer.steps:
        way_on = f"go on with: rawgan {config.command} --resume {folder.path}"
        said = f"stopped at step {reached:,} of {trainer.steps:,}; {way_on}"
        say(Terminal(stderr=True) if reader_has_gone() else console, said)
        return 128 + (asked or signal.SIGINT)
    say(console, config.use(folder.path))
    return 0


def _kernels_in_words(trainer: Trainer) -> str:
    precision, words = trainer.config.machine.precision, f"{trainer.kernels} kernels"
    if precision == FLOAT32:
        return words
    faster = gains(trainer.kernels, precision)
    return f"{words}, {precision}" + ("" if faster else ", rounded: no faster than float32 here")


def _data_in_words(trainer: Trainer) -> str:
    data = trainer.task.data
    if isinstance(data, Mixture):
        return f"{data.name}, {len(data.centres)} Gaussians"
    size, _, channels = data.shape
    if isinstance(data, PairSet):
        return f"{len(data):,} pairs of {size}×{size}×{data.sources} and {size}×{size}×{channels - data.sources}"
    words, held_out = f"{len(data):,} images of {size}×{size}×{channels}", len(trainer.task.images[0]) - len(data)
    words += f" ({held_out:,} held out)" if held_out else ""
    names = trainer.config.options.get("class_names")
    return f"{words} in {len(names)} classes, {_listed(names)}" if names else words


def _augmentation_in_words(trainer: Trainer) -> Iterator[str]:
    """A line about the augmentation, if the run has one."""
    name = trainer.config.options.get("augment")
    if name in AUGMENTATIONS and isinstance(trainer.task.data, ImageSet):
        by_default = name == default_augmentation(len(trainer.task.data))
        note = (
            f", the default for fewer than {SMALL:,} training images; --augment none leaves them as they are"
            * by_default
        )
        yield f"D sees augmented images: --augment {name}{note}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"{n} {name}" for n, name in enumerate(names[:LISTED])) + ", …" * (len(names) > LISTED)


def _prepare(
    console: Console, config: RunConfig, checkpoint: Checkpoint | None = None, start: Checkpoint | None = None
) -> Trainer:
    """Compile the kernels, load the data, and build the networks."""
    if config.machine.backend in ("auto", "cpu"):
        kernels = MODELS[config.model].kernels if config.model in MODELS else ()
        bf16 = ("bf16",) if config.machine.precision == "bf16" else ()
        _warm_up(Terminal(stderr=True), (*kernels, *bf16))
    reading = "reading images" if config.measuring.every is None else "reading and measuring real images"
    with progress_of(console, reading) as show:
        trainer = Trainer(config, show, checkpoint, start)
    for skipped in dict.fromkeys(line for images in trainer.task.images for line in images.skipped):
        say(console, f"skipped {skipped}")
    say(console, *dict.fromkeys(note for images in trainer.task.images for note in images.notes))
    if start is not None and trainer.taken is not None:
        say(console, trainer.taken.in_words(start, str(config.start.place)))
    return trainer


def _warm_up(console: Console, kernels: tuple[str, ...]) -> None:
    """Compile the CPU kernels of every run, and those of the model, with progress, unless that was done before."""
    from rawgan_kernels.cpu.warm_up.warm_up import WarmUp

    warm_up = WarmUp(kernels=kernels)
    if not warm_up.is_due():
        return
    console.print("compiling kernels for this CPU, once")
    with waiting(console, "compiling") as tell:
        warm_up.run(on_kernel=lambda name: tell(f"compiling {name}"))


def _dry_run(console: Console, trainer: Trainer) -> int:
    """Show the networks, take one step, and add up the memory."""
    config = trainer.config
    for title, network, x in trainer.task.networks_with_inputs():
        console.print(layer_table(f"{config.model} {title}, batch {config.data.batch_size}", network, x))
    started = time.perf_counter()
    with waiting(console, "taking one step"):
        record = trainer.step(1)
    seconds = time.perf_counter() - started
    console.print(
        f"one step: {seconds:.2f} s, D loss {record['d_loss']:.3f}, G loss {record['g_loss']:.3f}; "
        f"the first is slower than the rest",
    )
    console.print(f"memory: about {memory_in_words(trainer.task)}, and scratch space on top")
    held = (
        human_bytes(trainer.task.data.images.nbytes)
        if isinstance(trainer.task.data, ImageSet)
        else "drawn as it is needed"
    )
    console.print(f"data: {held}; nothing was written")
    return 0
