"""Ranking on a fake model: what is evaluated, what is kept, and what the scores are made of."""

from __future__ import annotations

import numpy as np
import pytest

from tests.daemon.engine_fakes import SIZE, Cache, Words
from toolrec_kb.functiongemma import FORMS_OF_BASE, PLAIN, Forms, ask, tokens_of
from toolrecd.engine.jobs import Question
from toolrecd.engine.llama import Aborted
from toolrecd.engine.ranker import BRANCHES, CORRECTION, MAX_QUESTION_TOKENS, NO_NAME, NO_QUERY, Floats, Ranker

NAMES = ["find", "fd", "grep", "git", "git-lfs", "git-cola"]
CATEGORIES = ["search", "text", "version_control"]
EVERY = range(len(NAMES))
WORDS = Words()  # one for all, so that a word is the same token for each ranker


class Bench:
    """A ranker with its fakes."""

    def __init__(self, batch: int = 512, names: list[str] = NAMES, forms: Forms = FORMS_OF_BASE) -> None:
        self.words, self.cache = WORDS, Cache()
        self.ranker = Ranker(self.words, self.cache, forms, batch)
        self.ranker.speak_of(names, CATEGORIES)
        self.ranker.warm()
        self.prefix = tokens_of(forms.full.prefix, self.words.tokenize)
        self.names = names

    def rank(self, query: str, shell: str = "zsh") -> Floats:
        """Return the scores of all names."""
        return self.ranker.rank(Question(query, "linux", shell), range(len(self.names)))

    def new_tokens(self, query: str, shell: str = "zsh") -> list[int]:
        """Rank, and return the tokens of the question that were evaluated for it, branches left out."""
        self.cache.start_counting()
        self.rank(query, shell)
        return [token for run in self.cache.branches for token in run.get(0, [])]

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        return self.words.tokenize(text)


@pytest.fixture
def bench() -> Bench:
    """A warm ranker whose model's answers depend on every token before them."""
    return Bench()


def test_prefix_is_evaluated_once(bench: Bench) -> None:
    """The constant prefix is evaluated when warming up, and by no question after."""
    assert bench.cache.evaluated == bench.prefix
    for query, shell in (("find files", "zsh"), ("list processes", "fish"), ("find files", "bash")):
        assert len(bench.new_tokens(query, shell)) < len(bench.prefix) / 2
        assert bench.cache.sequences[0][: len(bench.prefix)] == bench.prefix


def test_growing_query(bench: Bench) -> None:
    """A query that grows by a word costs that word and what leads to the name."""
    bench.rank("find all")
    assert bench.new_tokens("find all python") == bench.tokens(" python\nTool: `")
    assert bench.new_tokens("find all python files") == bench.tokens(" files\nTool: `")


def test_shrinking_query(bench: Bench) -> None:
    """A query that loses its end costs what leads to the name, and scores as if it had never been longer."""
    bench.rank("find all python files")
    assert bench.new_tokens("find all") == bench.tokens("\nTool: `")
    assert np.array_equal(bench.rank("find all"), Bench().rank("find all"))


def test_same_query(bench: Bench) -> None:
    """The same query again costs one token, the one whose answer is needed."""
    first = bench.rank("find all")
    assert bench.new_tokens("find all") == bench.tokens("`")
    assert np.array_equal(bench.rank("find all"), first)


def test_other_shell(bench: Bench) -> None:
    """Another shell is another question; its own empty question is evaluated once."""
    bench.rank("find all", "zsh")
    first = bench.new_tokens("find all", "fish")
    assert bench.tokens(NO_QUERY)[0] in first
    bench.rank("find all", "zsh")
    assert bench.tokens(NO_QUERY)[0] not in bench.new_tokens("find all", "fish")
    assert np.array_equal(bench.rank("find all", "fish"), Bench().rank("find all", "fish"))


def test_evaluated_is_counted(bench: Bench) -> None:
    """The count of evaluated tokens is that of the rows the model was given."""
    bench.rank("find all")
    bench.ranker.categorise(Question("find all", "linux", "zsh"), "find")
    assert bench.ranker.evaluated == len(bench.cache.evaluated)


def test_small_batches() -> None:
    """A prompt longer than a batch is evaluated in parts, to the same scores."""
    small = Bench(batch=16)
    scores = small.rank("find all python files")
    assert max(map(len, small.cache.runs)) == 16
    assert np.array_equal(scores, Bench().rank("find all python files"))


def test_long_query(bench: Bench) -> None:
    """A pasted page is cut: its first words are asked, and the context has room for them."""
    bench.rank("word " * 900)
    asked = len(bench.cache.sequences[0]) - len(bench.prefix) - len(bench.tokens("\nTool: `"))
    assert asked == MAX_QUESTION_TOKENS


@pytest.mark.parametrize("at", range(12))
def test_aborted(at: int) -> None:
    """Wherever an evaluation is aborted, nothing is left of it: the next question scores as on a fresh model."""
    bench = Bench(batch=8)
    bench.cache.abort_at = at
    with pytest.raises(Aborted):
        list(map(bench.rank, ("find all python files", "count the lines", "list the running processes")))
    assert not any(held for sequence, held in bench.cache.sequences.items() if sequence)
    assert np.array_equal(bench.rank("find all files"), Bench(batch=8).rank("find all files"))


def test_branches_are_dropped(bench: Bench) -> None:
    """After a ranking only the question itself is held."""
    bench.rank("find all")
    assert [sequence for sequence, held in bench.cache.sequences.items() if held] == [0]


def _loud(bench: Bench, *texts: str, level: float = 9.0) -> Floats:
    logits = np.zeros(SIZE, dtype=np.float32)
    for text in texts:
        logits[bench.tokens(text)[0]] = level
    return logits


def test_only_names_come_out(bench: Bench) -> None:
    """However likely other words are, exactly the names have scores, and all of them finite ones."""
    bench.cache.says = lambda tokens: _loud(bench, "rm", "find", "the")
    scores = bench.rank("find all")
    assert scores.shape == (len(NAMES),)
    assert np.isfinite(scores).all()


def test_speak_of_other_names(bench: Bench) -> None:
    """With other names those have the scores, and the correction is made anew for them."""
    fresh = Bench()
    bench.rank("find all")
    question = Question("find all", "linux", "zsh")
    for ranker in (bench.ranker, fresh.ranker):
        ranker.speak_of(["ls", "find"], [])
    scores = bench.ranker.rank(question, [0, 1])
    assert scores.shape == (2,)
    assert np.array_equal(scores, fresh.ranker.rank(question, [0, 1]))


def test_same_name_twice(bench: Bench) -> None:
    """Names that cannot be told apart are refused."""
    with pytest.raises(ValueError, match="repeats another"):
        bench.ranker.speak_of(["find", "find"], [])


def test_correction(bench: Bench) -> None:
    """A name that the model gives to any question loses to one that it gives to this question."""
    empty = ask(PLAIN, NO_QUERY, os="linux", shell="zsh")
    nothing = tuple(bench.prefix + tokens_of([*empty, *PLAIN.to_name], bench.words.tokenize))

    def says(tokens: tuple[int, ...]) -> Floats:
        logits = _loud(bench, "find", level=5.0)
        logits[bench.tokens("grep")[0]] = -5.0 if tokens == nothing else 4.5
        return logits

    bench.cache.says = says
    scores = bench.rank("word in files")
    assert scores[NAMES.index("grep")] > scores[NAMES.index("find")] + CORRECTION


def test_ties_are_split(bench: Bench) -> None:
    """Names that begin alike are told apart by what may follow their beginning."""
    git = bench.tokens("git")[0]

    def says(tokens: tuple[int, ...]) -> Floats:
        return _loud(bench, "-") if tokens[-1] == git else _loud(bench, "git")

    bench.cache.says = says
    scores = dict(zip(NAMES, bench.rank("large files in git"), strict=True))
    assert scores["git-lfs"] > scores["git"] + 5
    assert scores["git-lfs"] == scores["git-cola"]

    bench.cache.says = lambda tokens: _loud(bench, "`") if tokens[-1] == git else _loud(bench, "git")
    scores = dict(zip(NAMES, bench.rank("undo a commit"), strict=True))
    assert scores["git"] > scores["git-lfs"] + 5


def test_shares_are_against_chance(bench: Bench) -> None:
    """Of names of one beginning the likelier rise and the others fall; a name with its own beginning stays."""
    question = Question("large files", "linux", "zsh")
    split, even = bench.ranker.rank(question, EVERY), bench.ranker.rank(question, [])
    assert split[3:].max() > even[3:].max()
    assert split[3:].min() < even[3:].min()
    assert np.array_equal(split[:3], even[:3])


def test_one_candidate_of_a_beginning_is_no_tie(bench: Bench) -> None:
    """A beginning that only one candidate has is not looked into: nothing is to be told apart."""
    bench.rank("large files")
    before = bench.ranker.evaluated
    bench.ranker.rank(Question("large files", "linux", "zsh"), [NAMES.index("git")])
    assert bench.ranker.evaluated == before + 1


def test_no_candidates_no_branches(bench: Bench) -> None:
    """Where no candidate is among names that begin alike, they share evenly and nothing is evaluated for them."""
    bench.rank("find all")
    bench.cache.start_counting()
    scores = bench.ranker.rank(Question("find all", "linux", "zsh"), [NAMES.index("find")])
    assert len(bench.cache.runs) == 1
    assert scores[3] == scores[4] == scores[5]


def test_branches_are_bounded() -> None:
    """With more ties than branches the likeliest are split, in one evaluation."""
    names = [f"x{number}{ending}" for number in range(BRANCHES + 4) for ending in ("", "-a")]
    bench = Bench(names=names)
    bench.rank("anything")
    assert len(bench.cache.runs[-1]) == BRANCHES


def test_categories(bench: Bench) -> None:
    """Categories are scored after the name, by what the model says there."""
    answered, nothing = bench.tokens("find`\nCategory: `"), bench.tokens(f"{NO_NAME}`\nCategory: `")

    def says(tokens: tuple[int, ...]) -> Floats:
        if list(tokens[-len(nothing) :]) == nothing:
            return _loud(bench)
        return _loud(bench, "search", "the") if list(tokens[-len(answered) :]) == answered else _loud(bench, "text")

    bench.cache.says = says
    scores = bench.ranker.categorise(Question("find all", "linux", "zsh"), "find")
    assert scores.shape == (3,)
    assert CATEGORIES[int(scores.argmax())] == "search"
    assert scores[1] == scores[2] < 0


def test_category_correction(bench: Bench) -> None:
    """A category that the model gives to any question loses to one that it gives to this question."""
    nothing = bench.tokens(f"{NO_NAME}`\nCategory: `")

    def says(tokens: tuple[int, ...]) -> Floats:
        logits = _loud(bench, "search", level=5.0)
        logits[bench.tokens("text")[0]] = -5.0 if list(tokens[-len(nothing) :]) == nothing else 4.5
        return logits

    bench.cache.says = says
    question = Question("count words", "linux", "zsh")
    scores = dict(zip(CATEGORIES, bench.ranker.categorise(question, "grep"), strict=True))
    assert scores["text"] > scores["search"] + CORRECTION
    bench.cache.start_counting()
    bench.ranker.categorise(question, "find")
    assert bench.tokens(NO_QUERY)[0] not in bench.cache.evaluated
