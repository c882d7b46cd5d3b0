"""Clients of Amazon's services: the right endpoint, patience, and no keys in a notebook.

Keys come from where boto3 finds them (environment, profile, role), never as arguments.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pandas as pd

from annotaudit.errors import MissingExtraError

if TYPE_CHECKING:
    import boto3

MTURK_REGION = "us-east-1"  # Mechanical Turk has one region, whatever the session's is
MTURK_ENDPOINTS = {
    False: "https://mturk-requester-sandbox.us-east-1.amazonaws.com",
    True: "https://mturk-requester.us-east-1.amazonaws.com",
}

THIS_MACHINE = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")


def mturk_client(*, production: bool = False, session: boto3.Session | None = None) -> Any:
    """Make a requester client of Mechanical Turk; the sandbox unless production is asked for.

    Parameters
    ----------
    production : bool
        Real workers and real money.
    session : boto3.Session, optional
        Whose credentials are used; by default those boto3 finds.

    Returns
    -------
    boto3 client
        With time-outs, retries and our name in the user agent. ``AWS_ENDPOINT_URL_MTURK`` in the
        environment, if set, says where it connects to.

    Raises
    ------
    MissingExtraError
        If boto3 is not installed.

    Examples
    --------
    >>> mturk_client().meta.region_name
    'us-east-1'
    """
    elsewhere = os.environ.get("AWS_ENDPOINT_URL_MTURK")
    return make_client(
        "mturk",
        region=MTURK_REGION,
        session=session,
        endpoint=elsewhere or MTURK_ENDPOINTS[production],
    )


def make_client(
    service: str,
    *,
    region: str | None = None,
    session: boto3.Session | None = None,
    endpoint: str | None = None,
    patient: bool = True,
) -> Any:
    """Make a client of any service with our time-outs, retries and user agent.

    Parameters
    ----------
    service : str
        As boto3 names it.
    region : str, optional
        By default the session's.
    session : boto3.Session, optional
    endpoint : str, optional
        By default the service's own, or what ``AWS_ENDPOINT_URL_<SERVICE>`` says.
    patient : bool
        Without patience a service that does not answer is given up after a few seconds.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise MissingExtraError(
            "Talking to Amazon needs boto3, which is not installed. "
            'Install it with: pip install "annotaudit[aws]"'
        ) from error
    from annotaudit import __version__

    reached = endpoint or os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}", "")
    patience = Config(
        connect_timeout=10 if patient else 3,
        read_timeout=60 if patient else 10,
        retries={"mode": "standard", "total_max_attempts": 5 if patient else 2},
        user_agent_extra=f"annotaudit/{__version__}",
        # A proxy cannot reach this machine; None leaves it to the environment whether to use one.
        proxies={} if reached.startswith(THIS_MACHINE) else None,
    )
    return (session or boto3.Session()).client(
        service, region_name=region, endpoint_url=endpoint, config=patience
    )


def describe_client(client: Any) -> pd.Series:
    """Say where a client connects to, and nothing secret.

    Parameters
    ----------
    client : boto3 client

    Returns
    -------
    Series
        ``service``, ``endpoint``, ``region`` and ``money`` (whether calls may cost any).

    Examples
    --------
    >>> describe_client(mturk_client())["money"]
    'no: this is the sandbox'
    """
    endpoint = client.meta.endpoint_url
    if endpoint == MTURK_ENDPOINTS[True]:
        money = "yes: real workers are paid"
    elif endpoint == MTURK_ENDPOINTS[False]:
        money = "no: this is the sandbox"
    elif endpoint.startswith(THIS_MACHINE):
        money = "no: a server on this machine"
    else:
        money = "yes, as the service charges"
    return pd.Series(
        {
            "service": client.meta.service_model.service_name,
            "endpoint": endpoint,
            "region": client.meta.region_name,
            "money": money,
        }
    )
