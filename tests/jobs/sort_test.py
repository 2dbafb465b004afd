"""millrace sort against sort(1), and of binary records.  Usage: sort_test.py MILLRACE [unittest arguments]"""
import unittest

from job_case import SHAPES, JobCase


class SortTest(JobCase):
    def table(self, rows=400):
        def field():
            return self.random.choice([b"", b"a", b"B", b"ab", b"-3", b"10", b"9", b"1e3", b"2K", b"1M", b"Feb", b"jan", b".5", b"0.50", b"_x"])

        return b"".join(self.random.choice([b":", b" ", b"  :"]).join(field() for _ in range(self.random.randrange(1, 5))) + b"\n"
                        for _ in range(rows))

    def same_as_sort(self, *options, inputs, shapes=None):
        expected, status = self.coreutil("sort", *options, *inputs)
        self.assertEqual(status, 0)
        self.in_every_shape("sort", *options, *inputs, "--reducers=3", expected=expected, shapes=shapes)

    def test_keys(self):
        self.write("table", self.table())
        for options in ([], ["-r"], ["-n"], ["-nr"], ["-g"], ["-h"], ["-M"], ["-f"], ["-d"], ["-i"], ["-b"], ["-s", "-f"], ["-fr"], ["-df"],
                        ["-k2"], ["-k2,2"], ["-k", "2n"], ["-k2,2nr"], ["-k1.2,1.3"], ["-k2b,3"], ["-t:", "-k2"], ["-t:", "-k2,2n", "-k1,1r"],
                        ["-t:", "-k3,3g", "-s"], ["-k1,1", "-r"], ["-k1,1f", "-k2,2M"], ["-t", "a", "-k2"], ["-k9"]):
            self.same_as_sort(*options, inputs=["table"], shapes=[["--threads=2", "--split=300"], ["--threads=0"]])
            self.same_as_sort("-u", *options, inputs=["table"], shapes=[["--threads=2", "--split=300"], ["--threads=0"]])

    def test_every_shape(self):
        self.write("one", self.table(3000))
        self.write("two", self.words_and_more(500))
        for options in ([], ["-k2n"], ["-u", "-k1,1"]):
            self.same_as_sort(*options, inputs=["one", "two", "one"])

    def test_nasty_texts(self):
        names = []
        for name, text in self.nasty_texts().items():
            # sort(1) ends the last line of a file; so do we.
            names.append(self.write(name + ".txt", text))
        self.same_as_sort(inputs=names)
        self.same_as_sort("-r", "-u", inputs=names, shapes=SHAPES[:2])

    def test_the_parts_follow_each_other(self):
        self.write("table", self.table(5000))
        expected, _ = self.coreutil("sort", "table")
        self.millrace("sort", "table", "-o", "sorted", "--reducers", "5")
        self.assertEqual(self.parts("sorted"), expected)
        self.assertEqual(len([path for path in (self.path / "sorted").iterdir() if path.name.startswith("part-")]), 5)

    def test_records(self):
        for size, key in ((1, 1), (3, 2), (8, 8), (100, 10)):
            alphabet = self.random.randbytes(3)
            records = [bytes(self.random.choices(alphabet, k=min(key, 12))) + self.random.randbytes(size) for _ in range(3000)]
            records = [record[:size] for record in records]
            self.write("records", b"".join(records))
            expected = b"".join(sorted(records, key=lambda record, key=key: record[:key]))
            shapes = [shape for shape in SHAPES if not ("--memory=1M" in shape and size > 50)]
            self.in_every_shape("sort", "records", "--records", size, "--key-bytes", key, "--reducers=3", expected=expected, shapes=shapes)
            self.millrace("sort", "records", "--records", size, "--key-bytes", key, "-o", "sorted", "--overwrite")
            self.assertEqual(self.parts("sorted"), expected)
        self.assertEqual(self.millrace("sort", "records", "--records", "100"), b"".join(sorted(records)))

    def test_records_that_are_cut_off(self):
        self.write("records", b"x" * 250)
        self.fails("sort", "records", "--records", "100", status=1, saying=rb"records.*byte 200|records.*200")

    def test_what_does_not_go_together(self):
        self.write("text", b"a\n")
        for options, message in ((["-k", "0"], rb"fields count from 1"), (["-k", "x"], rb"sort key 'x'"), (["-t", "ab"], rb"must be one byte"),
                                 (["--key-bytes", "3"], rb"--key-bytes needs --records"), (["--records", "4", "-n"], rb"--records sorts by bytes"),
                                 (["--records", "4", "-u"], rb"--records sorts by bytes"), (["--records", "0"], rb"--records"),
                                 (["--records", "4", "--key-bytes", "5"], rb"between 1 and 4"), (["-y"], rb"-y")):
            self.fails("sort", "text", *options, status=2, saying=message)

    def test_missing_inputs(self):
        self.fails("sort", "none", status=1, saying=rb"cannot read none")
        self.fails("sort", status=2, saying=rb"INPUT is required")


if __name__ == "__main__":
    unittest.main()
