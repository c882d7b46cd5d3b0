"""Turn crops into vectors with a neural network of torch; needs the extra ``torch``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from annotaudit.errors import LimitError, MissingExtraError
from annotaudit.metrics.embedders import Pixels, Vectors

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "full", "half"]
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of red, green and blue, as shares of full brightness
IMAGENET_STD = (0.229, 0.224, 0.225)
# Where torchvision publishes its weights; the letters before the ending are the file's SHA-256.
WEIGHTS = "https://download.pytorch.org/models/resnet18-f37072fd.pth"


class TorchEmbedder:
    """Any network of torch that maps pictures to vectors: DINOv2, a re-identification network.

    Crops travel to the device as bytes; they are scaled to 0 to 1 and normalised there.

    Parameters
    ----------
    module : torch.nn.Module
        Maps float (n, 3, height, width) to (n, d). It is moved to the device and put into
        evaluation mode.
    size : (int, int)
        Height and width of the crops it takes, in pixels.
    mean, std : three floats
        Of red, green and blue in what it was trained on, as shares of full brightness.
    device : str
        ``"auto"`` for a GPU if there is one: ``"cuda"``, ``"mps"``, else ``"cpu"``.
    precision : {"auto", "full", "half"}
        Half is float16 on a GPU and bfloat16 on a CPU; ``"auto"`` is half on ``"cuda"``.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    LimitError
        If an option is not known.

    Examples
    --------
    >>> torch = __import__("pytest").importorskip("torch")
    >>> mean_colour = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    >>> embedder = TorchEmbedder(mean_colour, (8, 8), mean=(0, 0, 0), std=(1, 1, 1), device="cpu")
    >>> embedder(np.full((1, 8, 8, 3), 255, np.uint8)).tolist()
    [[1.0, 1.0, 1.0]]
    """

    def __init__(
        self,
        module: torch.nn.Module,
        size: tuple[int, int] = (224, 224),
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
        *,
        device: str = "auto",
        precision: Precision = "auto",
    ) -> None:
        torch = _torch()
        if precision not in ("auto", "full", "half"):
            raise LimitError(f"precision={precision!r}: expected 'auto', 'full' or 'half'.")
        self.size = size
        self.mean, self.std = tuple(map(float, mean)), tuple(map(float, std))
        self.device = torch.device(_best_device() if device == "auto" else device)
        self.half = precision == "half" or (precision == "auto" and self.device.type == "cuda")
        # Convolutions are quicker with the colours of a pixel side by side, as crops have them.
        self.module = module.to(self.device, memory_format=torch.channels_last).eval()

    @cached_property
    def key(self) -> str:
        """What names the network, its weights and the settings in a cache."""
        digest = hashlib.blake2b(repr(self.module).encode(), digest_size=16)
        for name, values in self.module.state_dict().items():
            digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
            digest.update(values.detach().cpu().contiguous().view(-1).numpy().tobytes())
        precision = "half" if self.half else "full"
        return f"torch/1 {digest.hexdigest()} {self.size} {self.mean} {self.std} {precision}"

    def __call__(self, crops: Pixels) -> Vectors:
        """Describe crops.

        Parameters
        ----------
        crops : uint8 array, shape (n, height, width, 3)
            Red, green and blue.

        Returns
        -------
        float32 array, shape (n, d)
        """
        torch = _torch()
        mean, std = (
            torch.tensor(three, device=self.device).view(1, 3, 1, 1)
            for three in (self.mean, self.std)
        )
        pixels = torch.from_numpy(np.ascontiguousarray(crops))
        if self.device.type == "cuda":
            pixels = pixels.pin_memory()
        low = torch.bfloat16 if self.device.type == "cpu" else torch.float16
        with torch.inference_mode(), torch.autocast(self.device.type, low, enabled=self.half):
            # The channels move to the front: to reshape instead would scramble the picture.
            moved = pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
            vectors = self.module((moved.float() / 255 - mean) / std)
        found: Vectors = vectors.flatten(1).float().cpu().numpy()
        return found


class ResNet18(TorchEmbedder):
    """The pooled features of ResNet-18, 512 of them, as trained on ImageNet.

    Parameters
    ----------
    weights : path or state dict, optional
        In torchvision's format. By default torchvision's ImageNet weights (45 MB), downloaded
        once into torch's cache and checked against their hash.
    device, precision
        As in :class:`TorchEmbedder`.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    LimitError
        If the weights are not those of a ResNet-18, or cannot be had.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        *,
        device: str = "auto",
        precision: Precision = "auto",
    ) -> None:
        _torch()
        from annotaudit.metrics.resnet import fused, resnet18_features

        module = resnet18_features()
        values = weights if isinstance(weights, Mapping) else _stored(weights)
        features = {name: value for name, value in values.items() if not name.startswith("fc.")}
        try:
            module.load_state_dict(features)
        except (RuntimeError, AttributeError) as error:
            raise LimitError(
                f"These weights do not fit ResNet-18 ({str(error)[:300]}). Expected a state dict "
                "in torchvision's format, as torch.save(model.state_dict()) writes it."
            ) from error
        super().__init__(fused(module.eval()), device=device, precision=precision)


def _stored(path: str | os.PathLike[str] | None) -> Mapping[str, Any]:
    """Read a state dict; values only, so that a file from elsewhere runs no code."""
    torch = _torch()
    try:
        if path is None:
            state = torch.hub.load_state_dict_from_url(
                WEIGHTS, map_location="cpu", check_hash=True, weights_only=True
            )
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # network, disk, pickle: each fails in its own ways
        where = f"from {WEIGHTS}" if path is None else f"in {os.fspath(path)}"
        raise LimitError(
            f"Found no readable weights {where} ({error}). Download that file by hand and give "
            "its path, ResNet18(weights='resnet18.pth'), or use ColourTextureEmbedder(), which "
            "needs none."
        ) from error
    if not isinstance(state, Mapping):
        raise LimitError(
            f"Found {type(state).__name__} in the weights file; expected a state dict, as "
            "torch.save(model.state_dict()) writes it."
        )
    return state


def _best_device() -> str:
    torch = _torch()
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(
            "This embedder needs torch, which is not installed: pip install 'annotaudit[torch]'. "
            "ColourTextureEmbedder() works without it."
        ) from error
    return torch
