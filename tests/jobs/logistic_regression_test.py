"""millrace logistic_regression against a model.  Usage: logistic_regression_test.py MILLRACE [unittest arguments]"""
import math
import unittest

from job_case import MILLRACE, JobCase


class LogisticRegressionTest(JobCase):
    def points(self, count, features):
        truth = [self.random.gauss(0, 1) for _ in range(features)]
        for _ in range(count):
            x = [round(self.random.gauss(0, 1), 6) for _ in range(features)]
            margin = sum(a * b for a, b in zip(truth, x))
            yield x, int(self.random.random() < 1 / (1 + math.exp(-margin)))

    def model(self, points, passes):
        weights = [0.0] * len(points[0][0])
        for _ in range(passes):
            gradient = [0.0] * len(weights)
            for x, label in points:
                margin = sum(a * b for a, b in zip(weights, x))
                error = label - 1 / (1 + math.exp(-margin))
                for j, value in enumerate(x):
                    gradient[j] += error * value
            weights = [w + g / len(points) for w, g in zip(weights, gradient)]
        return weights

    def write_points(self, points, end="\n"):
        self.write("points", "".join(",".join(map(repr, x)) + f",{label}{end}" for x, label in points).encode())

    def test_weights(self):
        for count, features in ((1, 1), (300, 3), (1500, 10)):
            points = list(self.points(count, features))
            self.write_points(points, "\r\n" if count == 300 else "\n")
            out = self.millrace("logistic_regression", "points", "--passes", "5")
            for weight, expected in zip(map(float, out.split()), self.model(points, 5), strict=True):
                self.assertAlmostEqual(weight, expected, places=10)

    def test_the_same_bits_for_any_number_of_threads_and_any_memory(self):
        self.write_points(list(self.points(4000, 7)))
        first = self.millrace("logistic_regression", "points", "--threads=0", "--split=16K")
        for shape in (["--threads=1"], ["--threads=7"], ["--threads=2", "--memory=1M"], ["--threads=2", "--file-shuffle"]):
            self.assertEqual(self.millrace("logistic_regression", "points", "--split=16K", *shape), first, shape)

    def test_times_go_to_standard_error(self):
        self.write_points(list(self.points(10, 2)))
        run = self.run_process(MILLRACE, "logistic_regression", "points")
        self.assertEqual(run.returncode, 0)
        self.assertRegex(run.stderr, rb"^load_seconds \d+\.\d{6}\npass_seconds \d+\.\d{6}\n$")

    def test_lines_that_are_no_points(self):
        self.write("points", b"1,2,1\n3,4,0\n1,x,0\n")
        self.fails("logistic_regression", "points", status=1, saying=rb"points.*byte 12.*'x' is not a number")
        self.write("points", b"1,2,1\n1,0\n")
        self.fails("logistic_regression", "points", status=1, saying=rb"points.*byte 6.*expected 2 numbers")
        self.write("points", b"")
        self.fails("logistic_regression", "points", status=2, saying=rb"empty")
        self.fails("logistic_regression", "points", "--passes", "0", status=2, saying=rb"--passes")


if __name__ == "__main__":
    unittest.main()
