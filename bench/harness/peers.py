"""The Python peers, in an environment of their own."""
import pathlib
import subprocess
import sys

PACKAGES = ["duckdb", "polars", "pyspark", "numpy"]


def python(directory):
    """The interpreter of the peers' environment, made and filled when it is missing; None when that fails."""
    interpreter = pathlib.Path(directory) / "bin" / "python"
    modules = "import " + ", ".join(PACKAGES)
    if interpreter.exists() and subprocess.run([interpreter, "-c", modules], capture_output=True).returncode == 0:
        return str(interpreter)
    print(f"installing {' '.join(PACKAGES)} into {directory}", file=sys.stderr)
    made = subprocess.run([sys.executable, "-m", "venv", str(directory)], stdout=sys.stderr).returncode == 0
    if not made or subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *PACKAGES], stdout=sys.stderr).returncode != 0:
        print("the Python peers are left out: their environment could not be made", file=sys.stderr)
        return None
    return str(interpreter)
