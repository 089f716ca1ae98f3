"""Last words and choices, of a model whose likelihoods are known."""

import json
from types import SimpleNamespace

import pytest
import torch

from envdoctor.quant.gptq_config import CheckpointError
from envdoctor.quant.tasks import score, task_of
from tests.quant import small_models

CPU = torch.device("cpu")


class Bigrams(torch.nn.Module):
    """After each byte, one that follows it in a text is as likely as it was often there."""

    def __init__(self, folder, text):
        super().__init__()
        from envdoctor.quant.pretrained import tokenizer_of

        self.counts = torch.full((256, 256), 1e-3, dtype=torch.float64)
        tokens = tokenizer_of(folder)(text)
        for one, other in zip(tokens, tokens[1:]):
            self.counts[one, other] += 1
        self.seen = []

    def forward(self, input_ids, use_cache):
        self.seen.append(input_ids.shape[1])
        return SimpleNamespace(logits=self.counts[input_ids].log())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_models.save(small_models.model_of("llama"), tmp_path_factory.mktemp("model"))


def written(path, *lines):
    path.write_text("".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in lines))
    return str(path)


def scored(folder, path, text, most=None):
    return score(Bigrams(folder, text), task_of(folder, path, most), CPU)


def test_a_last_word_is_right_if_each_token_is_the_likeliest(tmp_path, folder):
    path = written(
        tmp_path / "words.jsonl",
        {"text": "c ab"},
        {"text": "what is before, with\u2028a line of its own,\n and b ab \n"},
        "",
        {"text": "c abb"},
        {"text": "c\u00a0 b"},
    )
    found = scored(folder, path, "c ab ab ab ac")
    assert (found.accuracy, found.by_length) == (0.5, None) and found.latency > 0


def test_choices_by_likelihood_and_by_length(tmp_path, folder):
    """`a` to `b` has 1/2: of `b` and `babab`, the short one is likelier, and the long one by its letters."""
    path = written(
        tmp_path / "choices.jsonl",
        {"prompt": "a", "choices": ["z", " b", " babab"], "answer": 1},
        {"prompt": "a ", "choices": ["b", "babab"], "answer": 1},
        {"prompt": "a", "choices": ["b", "babab"], "answer": 1},
        {"prompt": "a", "choices": ["b", "z"], "answer": 1},
    )
    text = "a b" * 2 + "a " + "ba" * 40 + "bz" + " c" * 8
    task, model = task_of(folder, path, None), Bigrams(folder, text)
    found = score(model, task, CPU)

    def log(tokens, asked):
        steps = model.counts / model.counts.sum(1, keepdim=True)
        pairs = list(zip(tokens, tokens[1:]))[-asked:]
        return sum(float(steps[one, other].log()) for one, other in pairs)

    right = by_length = 0
    for question, choices in zip(task.questions, (["z", " b", " babab"], *[["b", "babab"]] * 2, ["b", "z"])):
        assert [each.asked for each in question.continued] == [
            len(each.strip()) + 1 for each in choices
        ]  # a space before
        logs = [log(each.tokens.tolist(), each.asked) for each in question.continued]
        normed = [each / len(choice) for each, choice in zip(logs, choices)]
        right += logs.index(max(logs)) == question.right
        by_length += normed.index(max(normed)) == question.right
    assert (found.accuracy, found.by_length) == (right / 4, by_length / 4) and right != by_length


def test_the_end_of_a_prompt_that_is_too_long_is_kept(tmp_path, folder):
    path = written(tmp_path / "words.jsonl", {"text": "z" * 100 + "c ab"})
    model = Bigrams(folder, "c ab ab ab ac")
    assert score(model, task_of(folder, path, 5), CPU).accuracy == 1 and model.seen == [5]
    assert score(model, task_of(folder, path, None), CPU).accuracy == 1 and model.seen == [5, 103]


def test_what_a_tokenizer_puts_after_a_text_is_not_asked_for(tmp_path, folder):
    transformers, tokenizers = pytest.importorskip("transformers"), pytest.importorskip("tokenizers")
    made = transformers.AutoTokenizer.from_pretrained(folder).backend_tokenizer
    made.add_special_tokens(["<s>", "</s>"])
    ends = [(each, made.token_to_id(each)) for each in ("<s>", "</s>")]
    made.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    transformers.PreTrainedTokenizerFast(tokenizer_object=made).save_pretrained(tmp_path)
    question = task_of(str(tmp_path), written(tmp_path / "words.jsonl", {"text": "c ab"}), None).questions[0]
    tokens = question.continued[0].tokens.tolist()
    assert (tokens[0], len(tokens), question.continued[0].asked) == (made.token_to_id("<s>"), 5, 3)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "tasks:2: not JSON: "),
        ("[]", 'tasks:2: neither a text nor a prompt; a line is {"text": "..."}, or '),
        ({"text": "a b", "prompt": "a"}, "tasks:2: neither a text nor a prompt"),
        ({"text": "word"}, 'tasks:2: "text" must be a string of two words at least'),
        ({"text": ["a b"]}, 'tasks:2: "text" must be a string'),
        ({"prompt": " ", "choices": ["a", "b"], "answer": 0}, 'tasks:2: "prompt" must be'),
        ({"prompt": "a", "choices": ["a"], "answer": 0}, 'tasks:2: "choices" must be two'),
        ({"prompt": "a", "choices": ["a", ""], "answer": 0}, 'tasks:2: "choices" must be two'),
        (
            {"prompt": "a", "choices": ["a", "b"]},
            'tasks:2: "answer" must be the number of a choice, from 0 to 1',
        ),
        ({"prompt": "a", "choices": ["a", "b"], "answer": True}, 'tasks:2: "answer" must be'),
        ({"prompt": "a", "choices": ["a", "b"], "answer": 2}, 'tasks:2: "answer" must be'),
        ({"prompt": "a", "choices": ["a", "b"], "answer": 0}, "tasks:1 and "),
        ({"text": "a " + "b" * 10}, "tasks:2: an answer of 11 tokens, and the model takes 8"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path, folder, line, what):
    path = written(tmp_path / "tasks", {"text": "a b"}, line)
    with pytest.raises(CheckpointError) as error:
        task_of(folder, path, 8)
    assert what in str(error.value) and "\n" not in str(error.value)


def test_a_file_without_lines_is_refused(tmp_path, folder):
    with pytest.raises(CheckpointError, match=r"there is nothing in it; its lines are \{\"text\""):
        task_of(folder, written(tmp_path / "tasks"), None)
    with pytest.raises(CheckpointError, match="No such file"):
        task_of(folder, str(tmp_path / "none.jsonl"), None)
