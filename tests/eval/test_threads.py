"""As many threads as were asked for, whenever a library is loaded."""

import os
import subprocess
import sys

LOADED_LATE = """
import os
from shopping_assistant.eval.threads import limited, matrix_threads

with limited(1):
    import torch

    inside = matrix_threads(), torch.get_num_threads()
print(*inside, os.environ["OMP_NUM_THREADS"])
"""


def test_torch_that_is_loaded_within_the_block_is_limited_too():
    """A replay opens its models in the first batch: its scores must not differ from those of a worker's process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", LOADED_LATE], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["1", "1", "2"], done.stderr
