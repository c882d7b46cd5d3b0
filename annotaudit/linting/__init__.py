"""Do labels fit what they claim to label? Findings, safe repairs, reports for people and programs.

=================  =============================================================
``lint``           findings: files, frames, names and numbers that do not fit
``fix``            safe repairs, shown before they are done
``LintLimits``     where a mismatch becomes a finding
=================  =============================================================
"""

from annotaudit.linting.checking import lint as lint
from annotaudit.linting.diff import Diff as Diff
from annotaudit.linting.fixing import fix as fix
from annotaudit.linting.limits import LintLimits as LintLimits

__all__ = ["Diff", "LintLimits", "fix", "lint"]
