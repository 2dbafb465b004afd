"""millrace index against a model.  Usage: index_test.py MILLRACE [unittest arguments]"""
import collections
import unittest

from job_case import SHAPES, JobCase


def number_first(document):
    return (0, int(document), document) if document.isdigit() else (1, 0, document)


def index_of(documents, positions):
    found = collections.defaultdict(lambda: collections.defaultdict(set))
    for document, text in documents:
        for position, word in enumerate(text.split(), 1):
            found[word][document].add(position)
    lines = []
    for word, where in found.items():
        entries = [b":".join([document] + [b"%d" % p for p in sorted(where[document])] * positions) for document in sorted(where, key=number_first)]
        lines.append(b"%s\t%s\n" % (word, b",".join(entries)))
    return b"".join(lines)


class IndexTest(JobCase):
    def documents(self, names, count):
        return [(self.random.choice(names), self.words_and_more(4).replace(b"\n", b" ")) for _ in range(count)]

    def check(self, documents, shapes=None):
        self.write("documents", b"".join(b"%s\t%s\n" % document for document in documents))
        for option in ([], ["-p"]):
            self.in_every_shape("index", *option, "documents", "--reducers=2", expected=index_of(documents, len(option)), any_order=True, shapes=shapes)

    def test_documents_in_any_order(self):
        documents = self.documents([b"x"], 200)
        self.check([(b"%d" % self.random.randrange(10**6), text) for _, text in documents])

    def test_documents_of_many_lines(self):
        self.check(self.documents([b"%d" % i for i in range(12)] + [b"a", b"b", b"", b"007", b"7", b"2a", b"1:2", b"10000000000000000000000"], 250))

    def test_a_word_in_every_place_of_a_long_document(self):
        self.check([(b"1", b"w " * 200000), (b"2", b"v w"), (b"1", b"v")], SHAPES[:3])

    def test_bytes_that_are_no_text(self):
        self.check([(b"\xff\0", b"a\0b \xc3 a"), (b"\xfe", b"\0")])

    def test_empty_documents_are_in_no_list(self):
        self.check([(b"1", b""), (b"2", b" \t "), (b"3", b"a")])


if __name__ == "__main__":
    unittest.main()
