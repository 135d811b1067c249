"""Print the JSON schema of a study's grid, as its declaration gives it, for an editor that completes and checks YAML.

python tools/schema.py adversarial_training > schema.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign import studies
from benign.pipeline.console import parser, reports_errors


@reports_errors
def main(argv: list[str]) -> int:
    """Print it."""
    command = parser(__doc__)
    command.add_argument("study", choices=studies.NAMES)
    print(json.dumps(studies.find(command.parse_args(argv).study).grid.model_json_schema(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
