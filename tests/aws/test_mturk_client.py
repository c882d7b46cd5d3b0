"""The requester client: the right endpoint and region, patience, our name, and no keys."""

import inspect

import pytest

from annotaudit.aws import describe_client, mturk_client


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine on which nothing about Amazon was ever set up."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL_MTURK"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


def test_no_region_has_to_be_configured(bare):
    """Pitfall A12: without a region_name boto3 raises NoRegionError."""
    assert mturk_client().meta.region_name == "us-east-1"


def test_the_one_region_is_used_whatever_the_session_says(bare, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    client = mturk_client()
    assert client.meta.region_name == "us-east-1"
    assert "us-east-1" in client.meta.endpoint_url


def test_the_sandbox_is_the_default_and_production_is_asked_for(bare):
    assert describe_client(mturk_client())["money"] == "no: this is the sandbox"
    assert "sandbox" in mturk_client().meta.endpoint_url
    production = mturk_client(production=True)
    assert "sandbox" not in production.meta.endpoint_url
    assert describe_client(production)["money"] == "yes: real workers are paid"


def test_it_waits_and_tries_again_but_not_for_ever(bare):
    config = mturk_client().meta.config
    assert (config.connect_timeout, config.read_timeout) == (10, 60)
    assert config.retries["total_max_attempts"] == 5
    assert "annotaudit/" in config.user_agent


def test_keys_are_no_arguments_and_are_never_shown(amazon):
    assert set(inspect.signature(mturk_client).parameters) == {"production", "session"}
    session = amazon.session()
    told = describe_client(mturk_client(session=session)).to_string()
    assert session.get_credentials().secret_key not in told
    assert session.get_credentials().access_key not in told


def test_a_proxy_for_the_world_is_no_obstacle_on_this_machine(amazon, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = mturk_client(session=amazon.session())
    assert client.get_account_balance()["AvailableBalance"] == "10000.00"
