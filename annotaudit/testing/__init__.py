"""A loopback Amazon: real HTTP on 127.0.0.1, for notebooks and tests without an account.

It plays what AWS *documents*: requests and its own replies are checked against AWS's models as
botocore carries them, signatures are verified, and each service follows its documented state
machine. It is not AWS's code: where the documentation is silent, so is it.

    with LoopbackAmazon() as amazon:
        hit = amazon.mturk.open_hit(hit_reply, assignments_reply)
        client = annotaudit.aws.mturk_client(session=amazon.session())
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "faults": ["Fault"],
        "ground_truth": ["GroundTruth"],
        "mturk": ["MechanicalTurk"],
        "server": ["LoopbackAmazon"],
        "workers": ["CarefulWorker"],
    },
)
