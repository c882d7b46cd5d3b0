"""MOT20 from a miniature archive on loopback: downloaded once, unpacked safely, never by halves."""

import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import pytest

from annotaudit.datasets.mot20_archive import mot20

STATION = Path(__file__).parents[2] / "data/station"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def archive(path, name="MOT20/train/MOT20-01/"):
    with ZipFile(path, "w") as content:
        for file in ("gt/gt.txt", "seqinfo.ini", "img1/000001.jpg"):
            content.writestr(name + file, (STATION / file).read_bytes())  # write() mends names
    return path


def kept(folder):
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


@pytest.fixture
def website(tmp_path):
    folder = tmp_path / "web"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}/MOT20.zip"
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_is_downloaded_once_and_then_loads_from_the_disk(website, tmp_path):
    folder, address = website
    whole = archive(folder / "MOT20.zip").read_bytes()
    options = {"folder": tmp_path / "home", "address": address, "accept_license": True}
    checksum = "sha256:" + hashlib.sha256(whole).hexdigest()
    labels = mot20(**options, checksum=checksum)
    assert len(labels.boxes) > 100 and labels.frames["image"].notna().sum() >= 1
    (folder / "MOT20.zip").unlink()
    again = mot20(folder=tmp_path / "home")
    assert len(again.boxes) == len(labels.boxes)


def test_nothing_is_downloaded_before_the_licence_is_accepted(website, tmp_path):
    with pytest.raises(ValueError, match="NonCommercial"):
        mot20(folder=tmp_path / "home", address=website[1])
    assert not (tmp_path / "home").exists()


def test_another_archive_than_the_checksum_says_is_refused(website, tmp_path):
    archive(website[0] / "MOT20.zip")
    options = {"folder": tmp_path / "home", "address": website[1], "accept_license": True}
    with pytest.raises(ValueError, match="could not be downloaded"):
        mot20(**options, checksum="md5:" + 32 * "0")
    assert not (tmp_path / "home" / "MOT20-01").exists()


@pytest.mark.parametrize("name", ["MOT20/train/MOT20-01/../../../", "MOT20/train/MOT20-01//etc/"])
def test_an_archive_that_leads_out_of_the_folder_is_refused(website, tmp_path, name):
    archive(website[0] / "MOT20.zip", name)
    with pytest.raises(ValueError):
        mot20(folder=tmp_path / "home", address=website[1], accept_license=True)
    assert kept(tmp_path / "home") == {"MOT20.zip"}
    assert not (tmp_path / "gt").exists()


def test_a_broken_archive_leaves_nothing_half_unpacked(website, tmp_path):
    whole = bytearray(archive(website[0] / "MOT20.zip").read_bytes())
    whole[200] ^= 0xFF
    (website[0] / "MOT20.zip").write_bytes(whole)
    with pytest.raises(ValueError, match="broken"):
        mot20(folder=tmp_path / "home", address=website[1], accept_license=True)
    assert kept(tmp_path / "home") == {"MOT20.zip"}


def test_a_website_without_it_is_an_error_with_the_next_step(website, tmp_path):
    with pytest.raises(ValueError, match="download it yourself"):
        mot20(folder=tmp_path / "home", address=website[1], accept_license=True)
