"""What the tests of the jobs share: a folder of inputs, runs in many shapes, and inputs that hurt."""
import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scratch_case import SeededCase, lines_of

MILLRACE = os.path.abspath(sys.argv.pop(1))

# How a run is cut up; none of it may change the output.
SHAPES = [
    ["--threads=0"],
    ["--threads=1", "--split=4K"],
    ["--threads=2", "--split=100"],
    ["--threads=7", "--split=1K", "--memory=1M"],
    ["--threads=2", "--memory=1M"],
    ["--threads=2", "--split=1K", "--file-shuffle"],
]
if os.environ.get("MILLRACE_TEST_SHAPES") == "workers":
    SHAPES = [
        ["--threads=0"],
        ["--workers=1", "--split=4K"],
        ["--workers=2", "--split=1K", "--memory=1M"],
        ["--workers=4", "--threads=2", "--split=1K"],
    ]


class JobCase(SeededCase):
    def setUp(self):
        super().setUp()
        self.environment["LC_ALL"] = "C"

    def run_process(self, *words, **settings):
        return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.path,
                              env=self.environment, timeout=300, check=False, **settings)

    def millrace(self, *words, status=0):
        """Runs a command and gives its standard output."""
        run = self.run_process(MILLRACE, *words)
        self.assertEqual(run.returncode, status, (words, run.stderr[-2000:]))
        return run.stdout

    def fails(self, *words, status, saying):
        """The command ends with a status, without results, and says why in one line."""
        run = self.run_process(MILLRACE, *words)
        self.assertEqual((run.returncode, run.stdout), (status, b""), (words, run.stderr[-2000:]))
        self.assertRegex(run.stderr, saying)
        self.assertEqual(run.stderr.count(b"\n"), 1, run.stderr)

    def coreutil(self, *words):
        """The output and status of a program of the system, to compare with."""
        if shutil.which(words[0]) is None:
            self.skipTest(f"there is no {words[0]}")
        run = self.run_process(*words)
        return run.stdout, run.returncode

    def in_every_shape(self, *words, expected, status=0, any_order=False, shapes=None):
        """The command prints what is expected, the same bytes in every shape."""
        first = None
        for shape in shapes or SHAPES:
            out = self.millrace(words[0], *shape, *words[1:], status=status)
            first = out if first is None else first
            self.assertEqual(out, first, (words, shape))
        if any_order:
            self.assertEqual(sorted(lines_of(first)), sorted(lines_of(expected)), words)
        else:
            self.assertEqual(first, expected, words)

    def parts(self, directory):
        names = sorted(path.name for path in (self.path / directory).iterdir() if path.name.startswith("part-"))
        return b"".join((self.path / directory / name).read_bytes() for name in names)

    def write(self, name, content):
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_bytes(content)
        return name

    def words_and_more(self, lines=150):
        """Words of skewed frequency between all kinds of white space, in lines of all kinds."""
        alphabet = [b"the", b"of", b"a", b"lock", b"unlock_irq", b"The", b"x.y", b"\xff\xfe", "ünï".encode(), b"_", b"y" * 300]
        alphabet += [b"w%d" % i for i in range(40)]
        text = bytearray()
        for _ in range(lines):
            blanks = self.random.choice([b" ", b"\t", b"  ", b"\v", b" \f"])
            text += self.random.choice([b"", b"", b" "]) + blanks.join(self.random.choices(alphabet, k=self.random.choice([0, 1, 4, 9])))
            text += self.random.choice([b"\n", b"\n", b"\r\n", b" \n"])
        return bytes(text)

    def nasty_texts(self):
        """Name and content of texts that have broken readers before."""
        return {
            "empty": b"",
            "newline": b"\n",
            "newlines": b"\n" * 3000,
            "no_newline": b"one two\nthree",
            "one_byte": b"x",
            "crlf": b"one\r\ntwo\r\n\r\nthree\r",
            "nul": b"a\0b\n\0\n\0\0 c\n",
            "not_utf8": b"\xff\xfe \x80\n\xc3\n\xc3(\n",
            "long_line": b"w " * 300000 + b"\n" + b"v" * 600000 + b"\nend",
            "words": self.words_and_more(),
        }

    def write_nasty_texts(self):
        """Writes all of them, some compressed. Returns their names, in order."""
        for i, (name, text) in enumerate(self.nasty_texts().items()):
            self.write(f"in/{i}_{name}", gzip.compress(text) if i % 3 == 2 else text)
        return sorted(path.relative_to(self.path).as_posix() for path in (self.path / "in").iterdir())

    def compress_with_zstd(self, name):
        if shutil.which("zstd") is None:
            self.skipTest("there is no zstd")
        self.run_process("zstd", "-q", "--rm", name, "-o", name + ".zst")
        return name + ".zst"
