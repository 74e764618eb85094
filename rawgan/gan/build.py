"""Both networks of a model with their optimisers, ready to train."""

from rawgan import optim
from rawgan.errors import ArgumentError
from rawgan.gan.augmentations import AUGMENTATIONS
from rawgan.gan.augmentations.adaptation import AdaptiveProbability
from rawgan.gan.conditional import check_conditional, with_scores
from rawgan.gan.networks import MODELS, models_for
from rawgan.gan.penalties import GENERATOR_PENALTIES
from rawgan.gan.specs import DataSpec, ImageSpec
from rawgan.gan.spectral_norm import spectrally_normed
from rawgan.gan.state import GAN
from rawgan.random import make_rng


def build(
    model: str,
    spec: DataSpec,
    *,
    noise_size: int = 100,
    width: int = 64,
    d_width: int | None = None,
    learning_rate: float | None = None,
    d_learning_rate: float | None = None,
    pack: int = 1,
    average_decay: float = 0.0,
    spectral_norm: bool | None = None,
    conditional: str = "none",
    classes: int = 0,
    g_penalty: str | None = None,
    augment: str | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> GAN:
    """Build both networks of a model, with weights drawn from the seed, and an Adam for each.

    `width` is the number of channels (`tutorial` and `mlp`: of units) of the narrowest hidden layer, `d_width` that of
    D, if it differs. `learning_rate` None is the model's default; D has the same (`mlp`: twice as much), unless
    `d_learning_rate` is given. With `spectral_norm`, D's weights are divided by their largest singular values; None
    is the model's default. With `conditional`, G makes images of one of `classes` classes. `g_penalty` names the
    penalty on G, and `augment` the augmentation, to train with.

    Raises: ArgumentError for an unknown model, data or an image size that it cannot make, or a count out of range

    >>> build("dcgan", ImageSpec(28), width=8).generator
    Sequential()
      0: Linear(100 → 784, no bias)                            w (100, 784)
      1: Reshape(7, 7, 16)
      2: BatchNorm(16)                                         gamma (16,)  beta (16,)
      3: ReLU()
      4: ConvTranspose2d(16 → 8, 4×4, stride 2, padding 1, no bias) w (4, 4, 8, 16)
      5: BatchNorm(8)                                          gamma (8,)  beta (8,)
      6: ReLU()
      7: ConvTranspose2d(8 → 1, 4×4, stride 2, padding 1)      w (4, 4, 1, 8)  b (1,)
      8: Tanh()
    80,625 parameters in 8 arrays
    """
    d_width = width if d_width is None else d_width
    chosen = MODELS.find(model)
    if not isinstance(spec, chosen.spec):
        raise ArgumentError(
            f"{model} makes {chosen.spec.name}, not {spec.name}; take one of: {', '.join(models_for(spec))}"
        )
    if isinstance(spec, ImageSpec) and not 1 <= spec.channels <= 4:
        raise ArgumentError(f"{model}: images have 1 to 4 channels, not {spec.channels}")
    for name, value in (("noise_size", noise_size), ("width", width), ("d_width", d_width), ("pack", pack)):
        if value < 1:
            raise ArgumentError(f"{model}: {name} must be at least 1, but is {value}")
    if not 0 <= average_decay < 1:
        raise ArgumentError(f"{model}: average_decay must be at least 0 and less than 1, but is {average_decay}")
    check_conditional(conditional, pack)
    if (classes < 2) if conditional != "none" else classes:
        raise ArgumentError(f"{model}: conditional {conditional} is for 2 classes or more, none for 0, not {classes}")

    generator, discriminator = chosen.build(spec, pack, noise_size + classes, width, d_width, make_rng(seed, "weights"))
    if classes:
        discriminator = with_scores(discriminator, conditional, classes, make_rng(seed, "scores"))
    if chosen.defaults.get("spectral_norm", False) if spectral_norm is None else spectral_norm:
        discriminator = spectrally_normed(discriminator, make_rng(seed, "singular vectors"))
    rate = chosen.learning_rate if learning_rate is None else learning_rate
    rates = rate, rate * chosen.d_rate if d_learning_rate is None else d_learning_rate
    g_optimizer, d_optimizer = (
        optim.Adam(network.to(device).parameters(), rate, chosen.betas, chosen.eps)
        for network, rate in zip((generator, discriminator), rates, strict=True)
    )
    penalty = None if g_penalty is None else GENERATOR_PENALTIES.find(g_penalty).make().to(device)
    adaptive = augment is not None and AUGMENTATIONS.find(augment).adaptive
    return GAN(
        model=model, spec=spec, noise_size=noise_size, generator=generator, discriminator=discriminator,
        g_optimizer=g_optimizer, d_optimizer=d_optimizer, pack=pack, conditional=conditional, classes=classes,
        g_penalty=penalty, augmentation=AdaptiveProbability(device) if adaptive else None,
        ema=optim.EMA(generator, average_decay) if average_decay else None,
    )  # fmt: skip
