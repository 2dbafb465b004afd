"""millrace join against a model and join(1).  Usage: join_test.py MILLRACE [unittest arguments]"""
import unittest

from job_case import SHAPES, JobCase, lines_of


def joined(left, right, left_field, right_field, keep_left, keep_right):
    """Rows in the order of the left ones, then of the right ones; right rows without a partner at the end."""
    partners = {}
    for row in right:
        partners.setdefault(row[right_field], []).append(row)

    def without(row, field):
        return row[:field] + row[field + 1:]

    rows = []
    for row in left:
        for other in partners.get(row[left_field], []):
            rows.append([row[left_field], *without(row, left_field), *without(other, right_field)])
        if keep_left and row[left_field] not in partners:
            rows.append([row[left_field], *without(row, left_field)])
    keys = {row[left_field] for row in left}
    if keep_right:
        rows += [[row[right_field], *without(row, right_field)] for row in right if row[right_field] not in keys]
    return rows


class JoinTest(JobCase):
    def rows(self, count, keys, fields, tag):
        """Most keys are few; some rows end at the key, some fields are empty or no text."""
        def row(i):
            key = b"hot" if self.random.random() < 0.2 else b"%d" % self.random.randrange(keys)
            return [self.random.choice([key, key, b""])] + [self.random.choice([b"%s%d" % (tag, i), b"", b"\xff\0", b"longer than any small string " + tag])
                                                            for _ in range(fields - 1)]

        return [row(i) for i in range(count)]

    def write_rows(self, name, rows, separator=b"\t"):
        return self.write(name, b"".join(separator.join(row) + b"\n" for row in rows))

    def test_every_kind_in_every_shape(self):
        left, right = self.rows(300, 60, 3, b"l"), self.rows(60, 60, 2, b"r")
        self.write_rows("left", left)
        self.write_rows("right", right)
        for options in ([], ["-a", "1"], ["-a", "2"], ["-a", "1", "-a", "2"]):
            rows = joined(left, right, 0, 0, "1" in options, "2" in options)
            expected = b"".join(b"\t".join(row) + b"\n" for row in rows)
            self.in_every_shape("join", *options, "--large-right", "--reducers=3", "left", "right", expected=expected, any_order=True)
            if "2" not in options:
                self.in_every_shape("join", *options, "left", "right", expected=expected)
                self.in_every_shape("join", *options, "--small-right", "left", "right", expected=expected, shapes=SHAPES[:2])

    def test_fields_and_separators(self):
        left, right = self.rows(100, 30, 4, b"l"), self.rows(40, 30, 3, b"r")
        left = [[row[1], row[2], row[0], row[3]] for row in left]
        right = [[row[1], row[0], row[2]] for row in right]
        for separator in (b",", b"|", b"\xe9"):  # none that a key holds
            self.write_rows("left", left, separator)
            self.write_rows("right", right, separator)
            expected = b"".join(separator.join(row) + b"\n" for row in joined(left, right, 2, 1, True, False))
            option = separator.decode("utf-8", "surrogateescape")
            self.assertEqual(self.millrace("join", "-1", "3", "-2", "2", "-t", option, "-a", "1", "left", "right"), expected)

    def test_it_agrees_with_join(self):
        left = [[b"%d" % self.random.randrange(50), b"l%d" % i] for i in range(200)]
        right = [[b"%d" % self.random.randrange(50), b"r%d" % i] for i in range(80)]
        self.write_rows("left", sorted(left))
        self.write_rows("right", sorted(right))
        expected, _ = self.coreutil("join", "-t", "\t", "-a", "1", "left", "right")
        self.assertEqual(sorted(lines_of(self.millrace("join", "-a", "1", "left", "right"))), sorted(lines_of(expected)))

    def test_one_key_with_nearly_all_rows(self):
        left = [[b"hot", b"%d" % i] for i in range(900)] + [[b"cold", b"x"]]
        right = [[b"hot", b"%d" % i] for i in range(50)]
        self.write_rows("left", left)
        self.write_rows("right", right)
        expected = b"".join(b"\t".join(row) + b"\n" for row in joined(left, right, 0, 0, False, False))
        for size in ("--large-right", "--small-right"):
            self.in_every_shape("join", size, "left", "right", expected=expected, any_order=size == "--large-right")

    def test_empty_sides(self):
        self.write("empty", b"")
        self.write("some", b"a\tb\n")
        for size in ("--large-right", "--small-right"):
            self.assertEqual(self.millrace("join", size, "empty", "some"), b"")
            self.assertEqual(self.millrace("join", size, "some", "empty"), b"")
            self.assertEqual(self.millrace("join", size, "-a", "1", "some", "empty"), b"a\tb\n")
        self.assertEqual(self.millrace("join", "-a", "2", "empty", "some"), b"a\tb\n")
        self.assertEqual(self.millrace("join", "-a", "1", "-a", "2", "empty", "empty"), b"")

    def test_line_ends(self):
        self.write("left", b"a\tx\r\nb\ty")
        self.write("right", b"b\r\nb\tz\n")
        self.assertEqual(self.millrace("join", "left", "right"), b"b\ty\tz\n")

    def test_a_line_without_the_field_names_its_place(self):
        self.write("left", b"a\tb\nc\nd\te\n")
        self.write("right", b"b\n")
        for size in ("--large-right", "--small-right"):
            self.fails("join", "-1", "2", size, "left", "right", status=1, saying=rb"left.*byte 4.*no field 2")
            self.assertEqual(self.millrace("join", "-1", "2", size, "--skip-bad-records", "1", "left", "right"), b"b\ta\n")
        self.fails("join", "-2", "2", "left", "right", status=1, saying=rb"right.*byte 0.*no field 2")

    def test_wrong_options(self):
        self.write("side", b"a\n")
        for options, message in ((["-1", "0"], rb"-1"), (["-2", "x"], rb"-2"), (["-a", "3"], rb"must be 1 or 2"), (["-t", "ab"], rb"must be one byte"),
                                 (["--small-right", "-a", "2"], rb"does not go with"), (["--small-right", "--large-right"], rb"does not go with")):
            self.fails("join", *options, "side", "side", status=2, saying=message)
        self.fails("join", "side", status=2, saying=rb"RIGHT is required")
        self.fails("join", "side", "none", status=1, saying=rb"cannot read none")


if __name__ == "__main__":
    unittest.main()
