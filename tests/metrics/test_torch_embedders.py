"""The networks' own code, on small data; the weights are made on the spot."""

import hashlib

import numpy as np
import pytest

from annotaudit.errors import LimitError
from annotaudit.metrics import CachedEmbedder, ResNet18, TorchEmbedder, torch_embedders

torch = pytest.importorskip("torch")

IMAGENET_MEAN, IMAGENET_STD = torch_embedders.IMAGENET_MEAN, torch_embedders.IMAGENET_STD


def channel_means(size=(8, 8), **options):
    """A network that returns the mean of each channel, after normalisation."""
    module = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    return TorchEmbedder(module, size, device="cpu", **options)


def made_on_the_spot(seed=0):
    """A state dict in torchvision's format, its classifier included."""
    from annotaudit.metrics.resnet import resnet18_features

    torch.manual_seed(seed)
    state = resnet18_features().state_dict()
    return state | {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}


def crops(count, height=64, width=64, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, height, width, 3))
    return pixels.astype(np.uint8)


def test_channels_are_moved_not_reshaped():
    # The tutorial reshapes (224, 224, 3) to (3, 224, 224), which scrambles every picture.
    green = np.zeros((1, 8, 8, 3), np.uint8)
    green[..., 1] = 255
    assert channel_means(mean=(0, 0, 0), std=(1, 1, 1))(green).tolist() == [[0, 1, 0]]
    rows = torch.nn.Sequential(torch.nn.AvgPool2d((1, 8)), torch.nn.Flatten())
    lit = np.zeros((1, 8, 8, 3), np.uint8)
    lit[0, 2] = 255  # the third line of the picture, in all three channels
    found = TorchEmbedder(rows, (8, 8), (0, 0, 0), (1, 1, 1), device="cpu")(lit)
    assert np.flatnonzero(found).tolist() == [2, 10, 18]


def test_pixels_are_normalised_as_the_network_was_trained():
    white = np.full((1, 8, 8, 3), 255, np.uint8)
    expected = (1 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
    np.testing.assert_allclose(channel_means()(white)[0], expected, rtol=1e-5)


def test_the_architecture_has_torchvisions_parameters():
    state = made_on_the_spot()
    assert len(state) == 122  # as in torchvision's file
    assert sum(values.numel() for name, values in state.items() if "num_batches" not in name) == (
        11_689_512 + 2 * 4800  # its documented parameters, and the running means and variances
    )
    assert state["layer3.0.downsample.0.weight"].shape == (256, 128, 1, 1)


def test_weights_in_torchvisions_format_load_from_a_file(tmp_path):
    state = made_on_the_spot()
    torch.save(state, tmp_path / "resnet18.pth")
    from_file = ResNet18(tmp_path / "resnet18.pth", device="cpu")
    from_memory = ResNet18(state, device="cpu")
    vectors = from_file(crops(2))
    assert vectors.shape == (2, 512) and vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, from_memory(crops(2)))
    assert from_file.key == from_memory.key
    assert from_file.key != ResNet18(made_on_the_spot(seed=1), device="cpu").key


def test_published_weights_are_fetched_and_checked_against_their_hash(tmp_path, monkeypatch):
    torch.save(made_on_the_spot(), tmp_path / "weights.pth")
    content = (tmp_path / "weights.pth").read_bytes()
    right = tmp_path / f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    right.write_bytes(content)
    wrong = tmp_path / "resnet18-00000000.pth"
    wrong.write_bytes(content)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(torch_embedders, "WEIGHTS", right.as_uri())
    assert ResNet18(device="cpu")(crops(1)).shape == (1, 512)
    monkeypatch.setattr(torch_embedders, "WEIGHTS", wrong.as_uri())
    with pytest.raises(LimitError, match="by hand"):
        ResNet18(device="cpu")


def test_the_features_do_not_depend_on_the_batch():
    embedder = ResNet18(made_on_the_spot(), device="cpu")
    some = crops(5)
    one_by_one = np.concatenate([embedder(crop[None]) for crop in some])
    np.testing.assert_allclose(embedder(some), one_by_one, rtol=1e-4, atol=1e-5)


def test_shuffled_crops_give_shuffled_features():
    embedder = ResNet18(made_on_the_spot(), device="cpu")
    some, order = crops(4), [2, 0, 3, 1]
    np.testing.assert_allclose(embedder(some[order]), embedder(some)[order], rtol=1e-4, atol=1e-5)


def test_half_precision_is_close():
    state = made_on_the_spot()
    full, half = (
        ResNet18(state, device="cpu", precision=precision)(crops(3))
        for precision in ("full", "half")
    )
    cosine = (full * half).sum(1) / np.linalg.norm(full, axis=1) / np.linalg.norm(half, axis=1)
    assert (cosine > 0.999).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_close_to_the_same():
    state = made_on_the_spot()
    full, half = ResNet18(state, device="cpu")(crops(3)), ResNet18(state, device="cuda")(crops(3))
    cosine = (full * half).sum(1) / np.linalg.norm(full, axis=1) / np.linalg.norm(half, axis=1)
    assert (cosine > 0.999).all()


def test_other_weights_and_files_are_refused(tmp_path):
    with pytest.raises(LimitError, match="torchvision's format"):
        ResNet18({"head.weight": torch.zeros(3)})
    with pytest.raises(LimitError, match="no readable weights"):
        ResNet18(tmp_path / "absent.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(LimitError, match="Found list"):
        ResNet18(tmp_path / "list.pth")
    with pytest.raises(LimitError, match="precision"):
        channel_means(precision="double")


def test_a_file_that_would_run_code_is_not_run(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    torch.save({"conv1.weight": Harmful()}, tmp_path / "weights.pth")
    with pytest.raises(LimitError, match="no readable weights"):
        ResNet18(tmp_path / "weights.pth")
    assert not (tmp_path / "harm").exists()


def test_settings_are_part_of_the_key(tmp_path):
    keys = {
        channel_means().key,
        channel_means(size=(9, 9)).key,
        channel_means(mean=(0, 0, 0)).key,
        channel_means(precision="half").key,
    }
    assert len(keys) == 4
    cached = CachedEmbedder(channel_means(), tmp_path / "looks.sqlite")
    np.testing.assert_array_equal(cached(crops(3, 8, 8)), channel_means()(crops(3, 8, 8)))
    assert cached.size == (8, 8)
