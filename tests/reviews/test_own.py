"""Own texts: two classes, no copy on two sides, everything within the limits, also after a walk over the disk."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peft_core.errors import PeftClassroomError
from peft_core.reviews.own.classes import classes_of, label_words
from peft_core.reviews.own.splitting import SHARES, hold_out
from peft_core.reviews.own.stored import FILE, StoredTexts, bring, check_texts, read_texts, write_texts
from peft_core.reviews.tasks import task_of
from peft_core.reviews.word_counts import count_words
from tests.own import NAMES, SAID, TEXTS, brought, stored

A_TEXT = st.text("abAB ", min_size=1).filter(str.strip)


@given(st.lists(st.tuples(A_TEXT, st.booleans()), min_size=1, max_size=80), st.integers(0, 5))
def test_no_copy_of_a_text_is_in_two_parts_and_each_part_has_both_classes(rows, seed):
    texts = [f"{text} {'x' if label else 'y'}" for text, label in rows]  # no text has two labels
    labels = [int(label) for _, label in rows]
    try:
        parts = hold_out(texts, labels, SHARES, seed)
    except PeftClassroomError:
        different = [len({t.split() and " ".join(t.split()).lower() for t, own in zip(texts, labels, strict=True)
                          if own == label}) for label in (0, 1)]  # fmt: skip
        assert min(different) <= sum(max(1, round(share * min(different))) for share in SHARES)
        return
    assert sorted(row for part in parts for row in part) == list(range(len(rows)))
    spelt_alike = [{" ".join(texts[row].lower().split()) for row in part} for part in parts]
    for place, part in enumerate(parts):
        assert {labels[row] for row in part} == {0, 1}
        for other in spelt_alike[place + 1 :]:
            assert not spelt_alike[place] & other
    assert parts == hold_out(texts, labels, SHARES, seed)


def test_a_file_of_sixty_is_split_three_to_one_to_one_and_always_alike():
    texts, cells = [f"text {n}" for n in range(60)], ["Spam" if n % 3 else "ham" for n in range(60)]
    found = bring(texts, cells)
    assert (found.labels, found.counts, found.texts.sizes) == (("ham", "Spam"), (20, 40), (36, 12, 12))
    assert sum(label for _, label in found.texts.test) == 8
    assert bring(texts, cells) == found


def test_rows_without_a_text_or_a_label_are_left_out_and_copies_are_counted():
    cells = [NAMES[is_lively] for _, is_lively in SAID]
    found = bring([*TEXTS, "", "no label", TEXTS[0].upper()], [*cells, "dull", " ", cells[0].upper()])
    assert (found.left_out, found.copies, sum(found.texts.sizes)) == (2, 1, len(TEXTS) + 1)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("x", "a"), ("y", "b"), ("z", "c")], "3 different ones"),
        ([("x", "a")] * 30, "1 different ones"),
        ([(f"t {n}", "ab"[n % 2]) for n in range(19)], "Bring 20 to 5,000"),
        ([(f"t {n}", "ab"[n % 2]) for n in range(5001)], "these are 5,001"),
        ([(f"t {n}", "a" if n < 95 else "b") for n in range(100)], "less than 10%"),
        ([(f"t {n}", "a") for n in range(30)] + [(f"b {n % 4}", "b") for n in range(20)], "4 different texts are b"),
        ([(f"t {n}", "ab"[n % 2]) for n in range(30)] + [("same", "a"), ("SAME ", "b")], "has both labels"),
        ([(f"t {n}", "ab"[n % 2]) for n in range(30)] + [("x" * 20_001, "a")], "20,001 characters"),
        ([(f"t {n}", ("a", "b" * 41)[n % 2]) for n in range(30)], "name of 41 characters"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_learned_from_is_refused_in_words(rows, said):
    with pytest.raises(PeftClassroomError, match=said):
        bring([text for text, _ in rows], [label for _, label in rows])


def test_a_class_is_called_as_it_is_mostly_spelt():
    assert classes_of(["Spam", "spam", "Spam ", "ham"]) == ("ham", "Spam")
    assert classes_of(["مثبت", "منفی"]) == tuple(sorted(["مثبت", "منفی"]))


def test_names_are_the_words_only_if_each_is_one_token_of_its_own(backbone):
    assert label_words(NAMES, backbone.tokenizer) == NAMES
    assert label_words(("Dull", "Lively"), backbone.tokenizer) == NAMES  # shown as written, answered as they are known
    assert label_words(("ham", "spam"), backbone.tokenizer) == ("bad", "good")  # both unknown to it
    assert backbone.answering(NAMES).label_ids == tuple(backbone.tokenizer.convert_tokens_to_ids(NAMES))
    assert backbone.answering(NAMES).answering(("negative", "positive")).label_ids == backbone.label_ids
    for words in (("dull film", "sad"), ("dull", "dull")):
        with pytest.raises(PeftClassroomError, match="tokenizer"):
            backbone.answering(words)


def test_the_file_of_a_run_is_what_it_was_asked_for(tmp_path):
    texts = stored()
    data = texts.data(NAMES, NAMES)
    assert read_texts(tmp_path) is None
    write_texts(tmp_path, texts)
    read = read_texts(tmp_path)
    check_texts(data, read)
    assert read == texts and task_of(data, texts=read).splits["test"]["text"] == [text for text, _ in texts.test]
    with pytest.raises(PeftClassroomError, match="not here"):
        task_of(data)
    other = bring([f"{text} ." for text in TEXTS], [NAMES[is_lively] for _, is_lively in SAID]).texts
    with pytest.raises(PeftClassroomError, match="not those"):
        check_texts(data, other)
    fewer = data.model_copy(update={"train_size": data.train_size - 1})
    with pytest.raises(PeftClassroomError, match="not those"):
        check_texts(fewer, read)


def _straddling(content):
    content["test"][0] = [content["train"][0][0].upper(), content["train"][0][1]]


def _contradicting(content):
    content["test"][0] = [content["test"][1][0], 1 - content["test"][1][1]]


def _one_class(content):
    content["test"] = [[text, 0] for text, _ in content["test"]]


def _too_few(content):
    content["train"] = content["train"][:2]


def _not_as_read(content):
    content["train"][0][0] = "two  spaces"


@pytest.mark.parametrize("spoil", [_straddling, _contradicting, _one_class, _too_few, _not_as_read])
def test_a_file_beyond_a_limit_cannot_be_read(tmp_path, spoil):
    content = json.loads(stored().content())
    spoil(content)
    (tmp_path / FILE).write_text(json.dumps(content))
    with pytest.raises(PeftClassroomError, match="damaged"):
        read_texts(tmp_path)


def test_word_counts_are_told_of_the_same_split():
    found = count_words(brought().texts.splits(), at_least=1)
    assert found.test.n == len(stored().test) and found.test.accuracy > 0.7
    with pytest.raises(PeftClassroomError, match="No word"):
        count_words(StoredTexts.model_construct(train=(("a", 0),), validation=(), test=()).splits(), at_least=1)
