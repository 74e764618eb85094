"""What all commands do that train: options, progress, signals, resuming."""

import itertools
import signal
import time
from functools import partial

from rich.console import Console

from rawgan.cli.parsing import parse
from rawgan.cli.terminal.outlet import GONE, reader_has_gone
from rawgan.cli.terminal.progress import moves_cursor, progress_of, waiting
from rawgan.cli.terminal.signals import stopping
from rawgan.cli.terminal.tables import layer_table
from rawgan.cli.terminal.text import Terminal, say
from rawgan.cli.terminal.view import Log, View
from rawgan.config.base import RunConfig
from rawgan.data import ImageSet, Mixture, PairSet, name_of
from rawgan.errors import ArgumentError, ConfigError
from rawgan.files import expanded
from rawgan.gan import human_bytes
from rawgan.inference.restoration import check_moved, check_whole, hinting, tell_of_damaged
from rawgan.storage import RunFolder
from rawgan.storage.checkpoint import About, Checkpoint
from rawgan.storage.lookup import is_folder, is_there
from rawgan.storage.new_folder import refuse_taken
from rawgan.storage.provenance import counts_of, differences
from rawgan.storage.toml_file import read_toml
from rawgan.training import Trainer, train
from rawgan.training.memory import memory_in_words

LISTED = 10
"""Names of classes that a line has."""


def train_command(options: list[str], kind: type[RunConfig]) -> int:
    """Train what options of that kind ask for, and return the exit code."""
    default = _defaults(options, kind)
    config = parse(kind, f"rawgan {kind.command}", options, default)
    if config.config is not None:
        _check_together(config, default)
    console = Terminal()
    if config.resume is not None:
        if config.out is not None:
            raise ArgumentError(f"--out is for new runs, but {config.resume} goes on where it is; leave it out")
        config.check_resumed(default)
        folder = RunFolder.open(config.resume)
        with folder.locked():
            return _resume(console, config, folder)
    if config.out is not None:
        refuse_taken(config.out)
    trainer = _prepare(console, config)
    if config.dry_run:
        return _dry_run(console, trainer)
    folder = RunFolder.create(config.out, f"{config.network}-{name_of(config.data)}")
    with folder.locked():
        return _train(console, trainer, folder)


def _resume(console: Console, config: RunConfig, folder: RunFolder) -> int:
    """Go on from the latest checkpoint that is whole."""
    checkpoint, faults = folder.newest_checkpoint()
    if checkpoint is not None:
        tell_of_damaged(faults, checkpoint)
        check_whole(folder, folder.read_config(), checkpoint)
        config.check_resumed(config.from_dict(dict(checkpoint.about.config), f"step {checkpoint.about.step}"))
    with hinting(config, folder):
        trainer = _prepare(console, config, checkpoint)
    if checkpoint is not None:
        _check_data(trainer, checkpoint.about, folder)
    if config.dry_run:
        return _dry_run(console, trainer)
    if checkpoint is None:
        say(console, "no checkpoint was written yet, so the run begins anew")
    elif changes := differences(checkpoint.about.made_by, trainer.made_by()):
        say(console, f"not bit for bit what it would have been, as these are others: {'; '.join(changes)}")
    if trainer.reached > trainer.steps:
        raise ArgumentError(
            f"{folder.path} has taken {trainer.reached:,} steps already, more than {trainer.steps:,}\n"
            "  leave --steps out, or ask for more"
        )
    return _train(console, trainer, folder)


def _check_data(trainer: Trainer, about: About, folder: RunFolder) -> None:
    """Raise an ArgumentError for other data than a run was trained with."""
    check_moved(trainer.config, about, trainer.made_by())
    before, after = counts_of(about), [str(len(images)) for images in trainer.task.images]
    if before != after:  # and others are held out, so a run would be shown what it is measured by
        raise ArgumentError(
            f"{trainer.config.data}: there are {' and '.join(after)} images, but step {about.step:,} "
            f"was trained when there were {' and '.join(before)}\n"
            f"  have them back, or begin a new run: rawgan {trainer.config.command} --config {folder.path}"
        )


def _train(console: Console, trainer: Trainer, folder: RunFolder) -> int:
    """Train to the end, or to the end of the step in which a signal asks to stop."""
    config, left = trainer.config, trainer.steps - trainer.reached
    if trainer.reached:
        say(console, f"going on after step {trainer.reached:,}" if left else "finished already; --steps asks for more")
    say(
        console,
        f"{config.network} on {_data_in_words(trainer)}: {left:,} step{'' if left == 1 else 's'} of "
        f"{config.batch_size} {config.spec.name}, on {trainer.device} ({trainer.kernels} kernels)",
        f"run folder: {folder.path}",
    )
    display = View(console, trainer) if moves_cursor(console) else Log(console, trainer)
    with stopping(partial(say, console)) as stop:
        begun = trainer.reached

        def should_stop() -> bool:
            if stop.signal is None and reader_has_gone() and trainer.reached > begun:
                stop.signal = GONE - 128
            return stop.signal is not None

        with display:
            reached = train(trainer, folder, display, should_stop=should_stop, tell=display.tell)
        return _tell_end(console, trainer, folder, reached, stop.signal)


def _tell_end(console: Console, trainer: Trainer, folder: RunFolder, reached: int, asked: int | None) -> int:
    """Say where everything is, and return the exit code."""
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


def _data_in_words(trainer: Trainer) -> str:
    data = trainer.task.data
    if isinstance(data, Mixture):
        return f"{data.name}, {len(data.centres)} Gaussians"
    size, _, channels = data.shape
    if isinstance(data, PairSet):
        return f"{len(data):,} pairs of {size}×{size}×{data.sources} and {size}×{size}×{channels - data.sources}"
    words = f"{len(data):,} images of {size}×{size}×{channels}"
    names = getattr(trainer.config, "class_names", None)
    return f"{words} in {len(names)} classes, {_listed(names)}" if names else words


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"{n} {name}" for n, name in enumerate(names[:LISTED])) + ", …" * (len(names) > LISTED)


def _defaults(options: list[str], kind: type[RunConfig]) -> RunConfig:
    """The options' default values: those of the file that --config names, or of the run that --resume does; or those
    that suit the data."""
    files, data = _given("--config", options) + _given("--resume", options), _given("--data", options)
    if len(files) > 1:
        raise ArgumentError(f"of --config and --resume, {len(files)} are given; give one")
    if not files:
        return kind.suited(**({"data": data[-1]} if data else {}))
    path = expanded(files[0])
    if is_folder(path) or _given("--resume", options):
        path = RunFolder.open(path).config_file  # a run folder stands for its configuration
    values = read_toml(path)
    if data and _given("--config", options):
        values["data"] = data[-1]  # which has a say in the other default values
    for flag, other in (("--steps", "epochs"), ("--epochs", "steps")):
        if _given(flag, options):
            values.pop(other, None)
    return kind.from_dict(values, str(path), checked=not _given("--config", options)).unresolved()


def _check_together(config: RunConfig, default: RunConfig) -> None:
    """Raise a ConfigError for options that make no sense, if that is so of the file that they are from, whatever the
    flags: of these, it is said later."""
    wrong = _complaint(config)
    if wrong is not None and wrong == _complaint(default):
        raise ConfigError(f"{config.config}: {wrong}")


def _complaint(config: RunConfig) -> str | None:
    """What is wrong with options, if anything."""
    try:
        config.check()
    except ArgumentError as error:
        return str(error)
    return None


def _given(flag: str, options: list[str]) -> list[str]:
    """The values given for a flag, as `--flag value` or `--flag=value`."""
    values = [option.partition("=")[2] for option in options if option.startswith(f"{flag}=")]
    return values + [value for option, value in itertools.pairwise(options) if option == flag]


def _prepare(console: Console, config: RunConfig, checkpoint: Checkpoint | None = None) -> Trainer:
    """Have the kernels compiled, load the data, with a progress bar if that takes long, and build the networks."""
    if config.backend in ("auto", "cpu"):
        _warm_up(Terminal(stderr=True))
    with progress_of(console, "reading images") as show:
        trainer = Trainer(config, show, checkpoint)
    for skipped in dict.fromkeys(line for images in trainer.task.images for line in images.skipped):
        say(console, f"skipped {skipped}")
    say(console, *dict.fromkeys(note for images in trainer.task.images for note in images.notes))
    return trainer


def _warm_up(console: Console) -> None:
    """Compile the CPU kernels if that was not done yet, and show it: it takes a while."""
    from rawgan_kernels.cpu.warm_up.warm_up import WarmUp

    warm_up = WarmUp()
    if not warm_up.is_due():
        return
    console.print("compiling the kernels of every run for this CPU, once")
    with waiting(console, "compiling") as tell:
        warm_up.run(on_kernel=lambda name: tell(f"compiling {name}"))


def _dry_run(console: Console, trainer: Trainer) -> int:
    """Show the networks, take one step, and account for the memory."""
    config = trainer.config
    for title, network, x in trainer.task.networks_with_inputs():
        console.print(layer_table(f"{config.network} {title}, batch {config.batch_size}", network, x))
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
