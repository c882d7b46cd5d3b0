"""Amazon Mechanical Turk and SageMaker Ground Truth: read, plan, check, send.

Whatever is called ``plan_*`` is pure and sends nothing; ``submit_*`` and ``start_*`` take a client.
Needs the extra ``aws``: ``pip install "annotaudit[aws]"``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "adjustment": ["plan_adjustment"],
        "batches": ["fill_batch_csv"],
        "checking": ["check_request"],
        "clients": ["describe_client", "mturk_client"],
        "creating": ["plan_hit", "submit_hit"],
        "decisions": ["plan_reviews"],
        "disposing": ["dispose", "plan_disposal"],
        "job_checks": ["check_job"],
        "jobs": [
            "bring_back",
            "check_account",
            "check_role",
            "follow_job",
            "job_state",
            "set_cors",
            "start_job",
            "stop_job",
        ],
        "merging": ["merge_adjusted"],
        "plans": ["AdjustmentPlan", "load_plan"],
        "pulling": ["archive", "assignments", "hit_status", "pull_hits"],
        "sequences": ["make_sequence", "upload_sequence"],
        "sessions": ["Session", "open_session"],
        "submitting": ["submit_reviews"],
        "verdicts": ["record_verdicts", "verdicts_of"],
        "worker_page": ["write_preview"],
    },
)
