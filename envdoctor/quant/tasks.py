"""Tasks of a file, which a model is asked: the last word of a text, as LAMBADA has it, or one of several choices.

Texts become tokens and likelihoods become answers as in EleutherAI's lm-evaluation-harness (acc, acc_norm).
"""

import json
import statistics
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, NoReturn, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from envdoctor.quant.gptq_config import CheckpointError
from envdoctor.quant.pretrained import tokenizer_of, words_of
from envdoctor.quant.watch import now

LAST_WORD, CHOICES = "last word", "choices"
_LINES = '{"text": "..."}, or {"prompt": "...", "choices": ["...", "..."], "answer": 0}'


class Item(NamedTuple):
    """A line of a file."""

    place: str
    kind: str
    prompt: str
    answers: Tuple[str, ...]  # one of which is to follow; the last word is the only one
    right: int


class Continued(NamedTuple):
    """A prompt and an answer after it."""

    tokens: Tensor  # int64 [tokens]
    asked: int  # how many of the last of them are the answer's
    letters: int  # of the answer


class Question(NamedTuple):
    """An item in the tokens of a model."""

    continued: Tuple[Continued, ...]
    right: int


class Task(NamedTuple):
    """All of a file, of one kind."""

    path: str
    kind: str
    questions: Tuple[Question, ...]

    def tokens(self) -> List[Tensor]:
        """Of each prompt with each answer after it."""
        return [each.tokens for question in self.questions for each in question.continued]

    def document(self) -> Dict[str, Any]:
        """As JSON says it."""
        return {"file": self.path, "kind": self.kind, "questions": len(self.questions)}


class Score(NamedTuple):
    """Of a model."""

    accuracy: float  # share of last words whose tokens all are the likeliest, or of likeliest choices that are right
    by_length: Optional[float]  # of choices, the likeliest by letter
    latency: float  # seconds for a question


def score(model: nn.Module, task: Task, device: torch.device) -> Score:
    """Ask a model, which lies on a device, without gradients."""
    right, by_length, times = 0, 0, []
    for question in task.questions:
        began = now(device)
        found = [_likelihood(model, each, device) for each in question.continued]
        times.append(now(device) - began)
        letters = [each.letters for each in question.continued]
        if task.kind == LAST_WORD:
            right += found[0].greedy
        else:
            right += _best([each.log for each in found]) == question.right
            by_length += _best([each.log / most for each, most in zip(found, letters)]) == question.right
    count = len(task.questions)
    share = by_length / count if task.kind == CHOICES else None
    return Score(right / count, share, statistics.median(times))


def _best(values: Sequence[float]) -> int:
    return values.index(max(values))


class _Likelihood(NamedTuple):
    log: float
    greedy: bool  # whether each token is the likeliest


def _likelihood(model: nn.Module, continued: Continued, device: torch.device) -> _Likelihood:
    tokens, asked = continued.tokens.to(device), continued.asked
    logits = model(input_ids=tokens[None, :-1], use_cache=False).logits[0, -asked:].float()
    wanted = tokens[-asked:]
    logs = torch.log_softmax(logits, -1).gather(1, wanted[:, None])
    return _Likelihood(float(logs.sum()), bool((logits.argmax(-1) == wanted).all()))


def task_of(folder: str, path: str, most: Optional[int]) -> Task:
    """A file in the tokens of a folder's model, which takes so many at once. Raises CheckpointError.

    Of prompts that are too long the end is kept.
    """
    items = list(_items(path))
    if not items:
        raise CheckpointError(f"{path}: there is nothing in it; its lines are {_LINES}")
    kinds = {item.kind: item.place for item in items}
    if len(kinds) > 1:
        raise CheckpointError(f"{' and '.join(kinds.values())} are of two kinds; make a file of each")
    tokens = tokenizer_of(folder)
    questions = (
        Question(tuple(_continued(item, answer, tokens, most) for answer in item.answers), item.right)
        for item in items
    )
    return Task(path, items[0].kind, tuple(questions))


def _continued(item: Item, answer: str, tokens: Callable[[str], List[int]], most: Optional[int]) -> Continued:
    # white space belongs to what comes after it: tokens begin with it
    bare = item.prompt.rstrip()
    gap = item.prompt[len(bare) :] or ("" if answer[0].isspace() else " ")
    before, whole = len(tokens(bare)), tokens(bare + gap + answer)
    asked = len(whole) - before
    if not before or asked < 1:
        _refuse(item.place, f"{answer!r} is no token of its own after the prompt")
    if most is not None and asked > most:
        _refuse(item.place, f"an answer of {asked} tokens, and the model takes {most}; shorten it")
    kept = whole if most is None else whole[-(most + 1) :]
    return Continued(torch.tensor(kept, dtype=torch.int64), asked, len(answer))


def _items(path: str) -> Iterator[Item]:
    for number, line in enumerate(words_of(path).split("\n"), 1):
        if line.strip():
            yield _item(f"{path}:{number}", line)


def _item(place: str, line: str) -> Item:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        _refuse(place, f"not JSON: {error}; a line is {_LINES}")
    if not isinstance(found, dict) or not ("text" in found) ^ ("prompt" in found):
        _refuse(place, f"neither a text nor a prompt; a line is {_LINES}")
    return _last_word(place, found["text"]) if "text" in found else _choice(place, found)


def _last_word(place: str, text: Any) -> Item:
    words = text.split() if isinstance(text, str) else []
    if len(words) < 2:
        _refuse(place, '"text" must be a string of two words at least')
    return Item(place, LAST_WORD, text.rstrip()[: -len(words[-1])], (words[-1],), 0)


def _choice(place: str, found: Dict[str, Any]) -> Item:
    prompt, choices, answer = found["prompt"], found.get("choices"), found.get("answer")
    if not _is_text(prompt):
        _refuse(place, '"prompt" must be a string with something in it')
    if not isinstance(choices, list) or len(choices) < 2 or not all(map(_is_text, choices)):
        _refuse(place, '"choices" must be two strings or more, with something in each')
    if type(answer) is not int or not 0 <= answer < len(choices):
        _refuse(place, f'"answer" must be the number of a choice, from 0 to {len(choices) - 1}')
    return Item(place, CHOICES, prompt, tuple(choices), answer)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _refuse(place: str, what: str) -> NoReturn:
    raise CheckpointError(f"{place}: {what}")
