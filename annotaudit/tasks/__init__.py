"""CVAT and Label Studio: send only the doubtful frames, and bring them back.

``plan_tasks`` is pure and sends nothing; ``TaskPlan.write`` makes files to upload by hand;
``push_tasks`` takes a server. CVAT's needs the extra ``cvat``: ``pip install "annotaudit[cvat]"``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "label_studio_server": ["LabelStudioServer"],
        "merging": ["merge_tasks"],
        "planning": ["plan_tasks"],
        "plans": ["TaskPlan", "load_plan"],
        "pushing": ["open_server", "pull_tasks", "push_tasks"],
    },
)
