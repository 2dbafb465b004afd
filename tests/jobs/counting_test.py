"""wordcount, ngrams, urls, links and terms against models.  Usage: counting_test.py MILLRACE [unittest arguments]"""
import collections
import gzip
import unittest

from job_case import MILLRACE, SHAPES, JobCase, lines_of


def count_lines(counts):
    return b"".join(b"%s\t%d\n" % item for item in sorted(counts.items()))


class CountingTest(JobCase):
    def test_wordcount_of_nasty_texts(self):
        names = self.write_nasty_texts()
        counts = collections.Counter()
        for name in names:
            content = (self.path / name).read_bytes()
            counts.update((gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).split())
        self.in_every_shape("wordcount", *names, expected=count_lines(counts))
        self.in_every_shape("wordcount", "in/[0-4]*", "in/[5-9]*", expected=count_lines(counts), shapes=SHAPES[:2])

    def test_wordcount_of_long_words(self):
        words = [bytes([self.random.randrange(97, 100)]) * length for length in (1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 4095, 4096, 4097, 100000)]
        text = b"".join(self.random.choice(words) + self.random.choice([b" ", b"\n", b"\t\t"]) for _ in range(1500))
        self.write("text", text)
        self.in_every_shape("wordcount", "text", expected=count_lines(collections.Counter(text.split())))

    def test_wordcount_ends_with_a_table(self):
        self.write("text", b"b a b\nc b a\n")
        run = self.run_process(MILLRACE, "wordcount", "text", "--top", "2", "-o", "out")
        self.assertEqual((run.returncode, run.stdout), (0, b""))
        self.assertRegex(run.stderr, rb"(?s)3  b\n.*2  a\n.*6 words in 1 files.*counts are in out")
        self.assertEqual(self.parts("out"), b"a\t2\nb\t3\nc\t1\n")

    def test_ngrams_of_nasty_texts(self):
        texts = self.nasty_texts()
        del texts["long_line"]  # its n-grams would be as long as the test is patient
        for name, text in texts.items():
            self.write(name, text)
        for n in (1, 2, 3, 7):
            counts = collections.Counter()
            for text in texts.values():
                for line in lines_of(text):
                    words = line.split()
                    counts.update(b" ".join(words[i:i + n]) for i in range(len(words) - n + 1))
            self.in_every_shape("ngrams", "--sorted", "-n", n, *texts, expected=count_lines(counts), shapes=SHAPES if n == 3 else SHAPES[2:3])

    def test_ngrams_of_a_long_line(self):
        words = [b"w%d" % self.random.randrange(4) for _ in range(60000)]
        self.write("line", b" ".join(words))
        counts = collections.Counter(b" ".join(words[i:i + 3]) for i in range(len(words) - 2))
        self.in_every_shape("ngrams", "--sorted", "-n", "3", "line", expected=count_lines(counts))

    def test_urls(self):
        requests = [b'"GET /a HTTP/1.0"', b'"POST /b?x=%20 HTTP/1.1"', b'"GET /a"', b'"GET /"', b'"HEAD /\xff\xc3 HTTP/1.1"', b'"GET  HTTP/1.1"',
                    b'"GET ' + b"/long" * 1000 + b' HTTP/2"']
        lines = [b'1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] ' + self.random.choice(requests) + b' 200 1' +
                 self.random.choice([b"", b' "-" "agent (x; y)"', b"\r"]) for _ in range(700)]
        counts = collections.Counter(line.split(b'"')[1].split(b" ")[1] for line in lines)
        expected = b"".join(b"%s\t%d\t%.4f\n" % (url, count, 100 * count / len(lines)) for url, count in sorted(counts.items()))
        self.write("log", b"\n".join(lines))
        self.in_every_shape("urls", "log", expected=expected)
        self.millrace("urls", "log", "-o", "out")
        self.assertEqual(self.parts("out"), expected)

    def test_a_line_that_is_no_request(self):
        self.write("log", b'h "GET / HTTP/1.0"\nnothing\nh "GET / HTTP/1.0"\n')
        self.fails("urls", "log", status=1, saying=rb"log.*byte 19.*no quoted request")
        self.assertEqual(self.millrace("urls", "log", "--skip-bad-records", "1"), b"/\t2\t100.0000\n")
        self.write("quote", b'h "GET\n')
        self.fails("urls", "quote", status=1, saying=rb"quote.*byte 0")

    def test_links(self):
        pages = [b"p%d" % i for i in range(40)] + [b"", b"a\0b", b"\xff", b"x" * 2000, b"a\tb"]
        sources = [page for page in pages if b"\t" not in page]
        edges = [(self.random.choice(sources), b"hot" if self.random.random() < 0.8 else self.random.choice(pages)) for _ in range(2000)]
        linking = collections.defaultdict(list)
        for source, target in edges:
            linking[target].append(source)
        expected = b"".join(b"%s\t%s\n" % (target, b",".join(of)) for target, of in linking.items())
        self.write("edges", b"".join(b"%s\t%s\n" % edge for edge in edges[:-1]) + b"%s\t%s" % edges[-1])
        self.in_every_shape("links", "edges", "--reducers=3", expected=expected, any_order=True)

    def test_terms(self):
        hosts = [b"http://h%d.org/page" % i for i in range(4)] + [b"bare", b"", b"https://user@h1.org:80/?q"]
        documents = [(self.random.choice(hosts), self.words_and_more(3).replace(b"\n", b" ")) for _ in range(80)]
        counts = collections.defaultdict(collections.Counter)
        for url, text in documents:
            host = url.split(b"://")[-1].split(b"/")[0].split(b"@")[-1].split(b":")[0]
            counts[host].update(text.split())
        expected = b""
        for host, terms in sorted(counts.items()):
            top = sorted(terms.items(), key=lambda item: (-item[1], item[0]))[:3]
            expected += host + b"\t" + b",".join(b"%s:%d" % item for item in top) + b"\n" if terms else b""
        self.write("documents", b"".join(b"%s\t%s\n" % document for document in documents))
        self.in_every_shape("terms", "--top", "3", "documents", expected=expected)

    def test_wrong_options_and_inputs(self):
        self.write("text", b"no tab\n")
        for words, message in ((["wordcount", "--top", "0", "text"], rb"--top"), (["ngrams", "text"], rb"-n is required"),
                               (["ngrams", "-n", "0", "text"], rb"-n"), (["terms", "--top", "x", "text"], rb"--top"), (["links"], rb"INPUT is required"),
                               (["urls", "--no", "text"], rb"--no")):
            self.fails(*words, status=2, saying=message)
        for command in ("links", "terms", "index"):
            self.fails(command, "text", status=1, saying=rb"text.*byte 0.*no tab")
        for words in (["wordcount"], ["urls"], ["links"], ["index"], ["terms"], ["ngrams", "-n", "2"]):
            self.fails(*words, "none", status=1, saying=rb"cannot read none: No such file")
            self.write("empty", b"")
            self.assertEqual(self.millrace(*words, "empty"), b"")


if __name__ == "__main__":
    unittest.main()
