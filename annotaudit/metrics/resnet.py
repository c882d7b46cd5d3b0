"""The ResNet-18 network up to its pooled features, under torchvision's parameter names.

So that weights stored by torchvision, ImageNet's or one's own, load without torchvision.

References
----------
He et al. (2016), doi:10.1109/CVPR.2016.90
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


def resnet18_features() -> nn.Module:
    """Build ResNet-18 without its classifier: pictures (n, 3, h, w) in, features (n, 512) out.

    The parameters are those of a network that has learned nothing; load others into it.

    Examples
    --------
    >>> torch = __import__("pytest").importorskip("torch")
    >>> resnet18_features().eval()(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2, 512])
    """
    from torch import nn

    class Block(nn.Module):  # type: ignore[misc]
        """Two convolutions of 3 by 3 beside a shortcut."""

        def __init__(self, entering: int, leaving: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(entering, leaving, 3, stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(leaving)
            self.conv2 = nn.Conv2d(leaving, leaving, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(leaving)
            self.downsample = None
            if stride != 1 or entering != leaving:
                self.downsample = nn.Sequential(
                    nn.Conv2d(entering, leaving, 1, stride, bias=False), nn.BatchNorm2d(leaving)
                )

        def forward(self, x: Tensor) -> Tensor:
            shortcut = x if self.downsample is None else self.downsample(x)
            x = self.bn1(self.conv1(x)).relu_()  # in place: memory is what slows a CPU down
            return self.bn2(self.conv2(x)).add_(shortcut).relu_()

    class ResNet18Features(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            self.maxpool = nn.MaxPool2d(3, 2, padding=1)
            self.layer1 = nn.Sequential(Block(64, 64, 1), Block(64, 64, 1))
            self.layer2 = nn.Sequential(Block(64, 128, 2), Block(128, 128, 1))
            self.layer3 = nn.Sequential(Block(128, 256, 2), Block(256, 256, 1))
            self.layer4 = nn.Sequential(Block(256, 512, 2), Block(512, 512, 1))

        def forward(self, x: Tensor) -> Any:
            x = self.maxpool(self.bn1(self.conv1(x)).relu_())
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return x.mean(dim=(2, 3))

    return ResNet18Features()


def fused(network: nn.Module) -> nn.Module:
    """Merge each normalisation into the convolution before it: the same features, sooner.

    Parameters
    ----------
    network : from :func:`resnet18_features`
        In evaluation mode; it is changed.

    Examples
    --------
    >>> torch = __import__("pytest").importorskip("torch")
    >>> network, pictures = resnet18_features().eval(), torch.rand(2, 3, 64, 64)
    >>> with torch.inference_mode():
    ...     before, after = network(pictures), fused(network)(pictures)
    >>> torch.allclose(before, after, atol=1e-4)
    True
    """
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for part in list(network.modules()):
        for number in (1, 2):
            if hasattr(part, f"bn{number}"):
                convolution, norm = getattr(part, f"conv{number}"), getattr(part, f"bn{number}")
                setattr(part, f"conv{number}", fuse_conv_bn_eval(convolution, norm))
                setattr(part, f"bn{number}", nn.Identity())
        if getattr(part, "downsample", None) is not None:
            part.downsample = fuse_conv_bn_eval(*part.downsample)
    return network
