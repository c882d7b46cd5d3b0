"""How long a person waits before anything happens, beside `import pandas`.

    python benchmarks/startup.py [--times 15]

Each is a fresh Python process, taken in turns; the median of its wall time is shown, less that of
a Python that does nothing.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

PROGRAMS = {
    "nothing": "pass",
    "import pandas": "import pandas",
    "import annotaudit": "import annotaudit",
    "import annotaudit, check a table": "import annotaudit; annotaudit.check_boxes",
    "annotaudit --help": "from annotaudit.cli import main; main()",
}


def seconds(program: str) -> float:
    """Run a program in a Python of its own."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--times", type=int, default=15, help="runs of each (default 15)")
    times = parser.parse_args().times
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(times):
        for name, program in PROGRAMS.items():
            taken[name].append(seconds(program))
    median = {name: statistics.median(runs) for name, runs in taken.items()}
    idle = median.pop("nothing")
    pandas = median["import pandas"] - idle
    print(f"{'':34}{'seconds':>9}{'× import pandas':>18}")
    for name, value in median.items():
        print(f"{name:34}{value - idle:9.3f}{(value - idle) / pandas:18.2f}")


if __name__ == "__main__":
    main()
