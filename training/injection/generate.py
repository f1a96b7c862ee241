"""Composes the texts that the injection network learns from and is tried on: our own templates, and rows of the
shared data with a third of their sources held back. Every text says which of its characters are an attack."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grammar import FOLDER, Grammar

ROOT = Path(__file__).resolve().parents[2]
#: Where the shared data lie: beside the checkout.
SHARED = ROOT.parent / "shared" / "data"
#: E-mails of the bank blueprint's fictional customers: harmless, and learnt from by nothing here.
BANK_MAILS = ROOT / "blueprints" / "bank-email" / "data" / "emails.jsonl"
#: Labels of the whole text and of its characters: nothing is learnt from UNKNOWN.
CLEAN, ATTACK, UNKNOWN = 0, 1, -1
#: Shared five-word runs from which two jailbreaks count as variants of one.
VARIANT_OVERLAP = 0.2
#: Intents of CLINC that are orders to an assistant: see texts/intents.txt.
ASSISTANT_INTENTS = frozenset((FOLDER / "intents.txt").read_text(encoding="utf-8").split())


@dataclass(frozen=True)
class Example:
    """A text and what is known of it: is it an attack on the assistant as a whole (`direct`); which characters are instructions
    out of place (`spans`); what holds outside the spans for "planted" and for "order" (an instruction to an assistant at all)."""

    text: str
    kind: str
    direct: int
    spans: tuple[tuple[int, int], ...] = ()
    planted: int = CLEAN
    order: int = CLEAN
    position: str = ""


def shared_rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(SHARED / name, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


# --- data without attacks -------------------------------------------------------------------------------------------------


class Writer:
    """Composes e-mails, documents and tool results out of a grammar's lists."""

    def __init__(self, grammar: Grammar, chance: random.Random, mail: str, passage: str, documents: list[str]) -> None:
        self.grammar, self.chance, self.mail, self.passage, self.documents = grammar, chance, mail, passage, documents

    def line(self, name: str) -> str:
        return self.grammar.write(name, self.chance)

    def mail_line(self) -> str:
        """A sentence of an e-mail: whole templates, sentences put together from parts, sentences of real texts."""
        if self.mail not in ("mail_line", "mail_line_foreign") or (style := self.chance.random()) < 0.45:
            return self.line(self.mail)
        return self.line("human_line") if style < 0.85 else self.sentence()

    def sentence(self) -> str:
        found = re.findall(r"[^.!?\n]{20,160}[.!?]", self.chance.choice(self.documents))
        return self.chance.choice(found).strip() if found else self.line(self.mail)

    def email(self) -> str:
        chance = self.chance
        count = chance.choice((1, 2, 2, 3, 3, 4, 4, 5, 6, 8))
        foreign = self.mail == "mail_line" and chance.random() < 0.12
        lines = [self.line("mail_line_foreign") if foreign else self.mail_line() for _ in range(count)]
        if chance.random() < 0.15:
            lines = [each.rstrip(".") for each in lines]
        body = chance.choice((" ", " ", "\n", "\n\n", "  ")).join(lines)
        parts = []
        if chance.random() < 0.75:
            parts.append(self.line("greeting"))
        parts.append(body)
        if chance.random() < 0.7:
            parts.append(self.line("closing"))
        text = chance.choice(("\n", "\n\n", " ", " \n")).join(parts)
        if chance.random() < 0.12:
            older = self.mail_line() + " " + self.mail_line()
            text += f"\n\nOn {self.line('weekday')} {self.line('person')} wrote:\n> " + older.replace(". ", ".\n> ")
        if chance.random() < 0.1:
            text = self.mail_line() + "\n\n---------- Forwarded message ----------\n" + text
        text = self.header() + text
        if chance.random() < 0.15:
            text = text[: int(len(text) * chance.uniform(0.6, 0.95))]
        if chance.random() < 0.1:
            text = wrapped(text, chance.choice((40, 60, 72)))
        return text

    def header(self) -> str:
        style = self.chance.random()
        subject, sender = self.line("subject"), f"{self.line('company')} <{self.line('mail')}>"
        date = f"{self.line('weekday')[:3]}, {self.line('number')} {self.line('month')} 2024 {self.line('time')}"
        if style < 0.25:
            return f"SUBJECT: {subject}|EMAIL_FROM: {sender}|RECEIVED DATE: {date}|CONTENT: \n\n"
        if style < 0.45:
            return f"From: {sender}\nSubject: {subject}\nDate: {date}\n\n"
        return f"Subject: {subject}\n\n" if style < 0.55 else ""

    def document(self) -> str:
        chance = self.chance
        if self.documents and chance.random() < 0.6:
            text = chance.choice(self.documents)
            words = text.split(" ")
            length = chance.randint(15, 110)
            first = 0 if chance.random() < 0.5 else chance.randint(0, max(0, len(words) - length))
            return " ".join(words[first : first + length])
        lines = [self.line(self.passage) for _ in range(chance.randint(1, 6))]
        style = chance.random()
        if style < 0.2:
            return "\n".join(f"- {each}" for each in lines)
        if style < 0.35:
            return "\n".join(f"{number}. {each}" for number, each in enumerate(lines, 1))
        if style < 0.5:
            return f"# {self.line('subject')}\n\n" + "\n\n".join(lines)
        if style < 0.6:
            return "<html><body><p>" + "</p><p>".join(lines) + "</p></body></html>"
        return " ".join(lines)

    def tool_result(self) -> str:
        value = {self.line("tool_key"): self.line("tool_value") for _ in range(self.chance.randint(2, 6))}
        style = self.chance.random()
        if style < 0.5:
            return json.dumps(value, ensure_ascii=False)
        if style < 0.75:
            return json.dumps({"results": [value, {"title": self.line("tool_value"), "snippet": self.line(self.passage)}]})
        return "\n".join(f"{key}: {each}" for key, each in value.items())

    def data(self, contexts: list[str]) -> str:
        style = self.chance.random()
        if contexts and style < 0.25:
            return cropped(self.chance.choice(contexts), self.chance)
        if style < 0.7:
            return self.email()
        return self.document() if style < 0.86 else self.tool_result()


def wrapped(text: str, width: int) -> str:
    """Lines of `width`, as old mail programs break them: sentences go on after a line's end."""
    import textwrap

    return "\n".join(textwrap.fill(line, width) if line.strip() else line for line in text.split("\n"))


def cropped(text: str, chance: random.Random) -> str:
    """All of `text`, or a run of its words."""
    if chance.random() < 0.4:
        return text
    places = [match.start() for match in re.finditer(r"\S+", text)]
    if len(places) < 30:
        return text
    first = chance.randint(0, len(places) // 2)
    last = chance.randint(min(first + 20, len(places) - 1), len(places) - 1)
    return text[places[first] : places[last]]


def planted_in(context: str, attack: str, chance: random.Random, direct: int, kind: str) -> Example:
    """`attack` at the start, in the middle (between sentences or within one) or at the end of `context`."""
    position = chance.choice(("start", "middle", "end"))
    before = chance.choice(("\n", "\n", " ", "\n\n"))
    after = chance.choice(("\n", "\n", " ", "\n\n"))
    if context.startswith(("{", "[")) and chance.random() < 0.7:  # within a value of JSON
        quotes = [each.start() for each in re.finditer(r'"[,}]', context)]
        if quotes:
            place = chance.choice(quotes)
            return _joined(context[:place] + " ", json.dumps(attack)[1:-1], context[place:], direct, kind, "middle")
    if position == "start":
        return _joined("", attack, after + context, direct, kind, position)
    if position == "end":
        return _joined(context + before, attack, "", direct, kind, position)
    if chance.random() < 0.5:
        places = [each.end() for each in re.finditer(r"[.!?:]\s|\n", context)]
    else:
        places = [each.start() for each in re.finditer(r"\s", context)]
    place = chance.choice(places) if places else len(context)
    return _joined(context[:place] + before, attack, after + context[place:], direct, kind, "middle")


def _joined(before: str, attack: str, after: str, direct: int, kind: str, position: str) -> Example:
    span = (len(before), len(before) + len(attack))
    return Example(before + attack + after, kind, direct, (span,), position=position)


# --- other ways of writing ------------------------------------------------------------------------------------------------

_LEET = str.maketrans("aeiost", "431057")
_HOMOGLYPHS = str.maketrans("aeopcxyi", "аеорсхуі")


def disguised(text: str, chance: random.Random) -> str:
    """`text` as people write it who want to slip past a filter."""
    style = chance.randrange(7)
    if style == 0:
        return "".join(each.translate(_LEET) if chance.random() < 0.6 else each for each in text)
    if style == 1:
        return "".join(each.translate(_HOMOGLYPHS) if chance.random() < 0.5 else each for each in text)
    if style == 2:
        return " ".join("".join(chance.choice((each.upper(), each.lower())) for each in word) for word in text.split(" "))
    if style == 3:
        return "".join(each + ("\u200b" if each.isalpha() and chance.random() < 0.4 else "") for each in text)
    if style == 4:
        return " ".join(" ".join(word) if len(word) > 3 and chance.random() < 0.6 else word for word in text.split(" "))
    if style == 5:
        return text.upper()
    return typing_mistakes(text, chance, 0.12)


def typing_mistakes(text: str, chance: random.Random, share: float) -> str:
    words = text.split(" ")
    for index, word in enumerate(words):
        if len(word) > 3 and chance.random() < share:
            place = chance.randint(1, len(word) - 2)
            words[index] = chance.choice(
                (word[:place] + word[place + 1] + word[place] + word[place + 2 :], word[:place] + word[place + 1 :])
            )
    return " ".join(words)


def casual(text: str, chance: random.Random) -> str:
    """Small differences that mean nothing: case, closing marks, a polite word, mistakes."""
    style = chance.random()
    if style < 0.12:
        text = text.lower()
    elif style < 0.2:
        text = text.rstrip(".?!")
    elif style < 0.28:
        text = chance.choice(("Hi, ", "Hello! ", "Please: ", "Quick question: ", "Hey, ")) + text
    elif style < 0.34:
        text = text + chance.choice((" Thanks!", " Thank you.", " Please help.", " :)", " Explain briefly."))
    elif style < 0.38:
        text = typing_mistakes(text, chance, 0.1)
    elif style < 0.39:
        text = disguised(text, chance)
    return text


# --- the shared rows --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shared:
    """The rows of shared/data/injection, apart: what may be learnt from, and the held third."""

    jailbreaks: list[str]
    held_jailbreaks: list[str]
    contexts: list[str]
    held_contexts: list[str]
    planted: list[Example]
    held_planted: list[Example]
    attacks: list[str]
    held_attacks: list[str]
    short: list[str]
    held_short: list[str]


def shared_injection() -> Shared:
    rows = list(shared_rows("injection/train.jsonl.gz"))
    groups = _variants([row["text"] for row in rows if row["kind"] == "direct"])
    indirect = [row for row in rows if row["kind"] == "indirect"]
    held_categories = set(sorted({row["category"] for row in indirect})[::3])
    contexts: dict[int, str] = {}
    for row in rows:
        if row["kind"].startswith("indirect"):
            contexts.setdefault(_context_of(row["id"]), _context(row))
    planted: list[Example] = []
    held: list[Example] = []
    for row in indirect:
        is_held_context, is_held_category = _context_of(row["id"]) % 3 == 0, row["category"] in held_categories
        if is_held_context != is_held_category:
            continue  # shares a context or a category with the other side
        place = row["text"].index(row["attack"])
        example = Example(row["text"], "bipia", UNKNOWN, ((place, place + len(row["attack"])),), position=row["position"])
        (held if is_held_context else planted).append(example)
    short = [row["text"] for row in rows if row["kind"] == "benign"]
    return Shared(
        jailbreaks=[text for text, group in groups if group % 3],
        held_jailbreaks=[text for text, group in groups if group % 3 == 0],
        contexts=[text for number, text in sorted(contexts.items()) if number % 3],
        held_contexts=[text for number, text in sorted(contexts.items()) if number % 3 == 0],
        planted=planted,
        held_planted=held,
        attacks=sorted({row["attack"] for row in indirect if row["category"] not in held_categories}),
        held_attacks=sorted({row["attack"] for row in indirect if row["category"] in held_categories}),
        short=[text for index, text in enumerate(short) if index % 3],
        held_short=[text for index, text in enumerate(short) if index % 3 == 0],
    )


def _context_of(identifier: str) -> int:
    return int(identifier.split("-")[2][1:])


def _context(row: dict[str, Any]) -> str:
    attack = row.get("attack")
    if not attack:
        return str(row["text"])
    before, _, after = row["text"].partition(attack)
    return before.removesuffix("\n") + after.removeprefix("\n")


def _variants(texts: list[str]) -> list[tuple[str, int]]:
    """Each text with the number of its group: texts that share many runs of five words are variants of one."""
    runs = []
    for text in texts:
        words = re.findall(r"\w+", text.lower())
        runs.append({tuple(words[place : place + 5]) for place in range(max(1, len(words) - 4))})
    parents = list(range(len(texts)))

    def root(index: int) -> int:
        while parents[index] != index:
            index = parents[index]
        return index

    for right in range(len(texts)):
        for left in range(right):
            shared = len(runs[left] & runs[right])
            if shared and shared / min(len(runs[left]), len(runs[right])) >= VARIANT_OVERLAP:
                parents[root(right)] = root(left)
    numbers = {group: index for index, group in enumerate(sorted({root(index) for index in range(len(texts))}))}
    return [(text, numbers[root(index)]) for index, text in enumerate(texts)]


def assistant_requests() -> list[str]:
    """Requests to a voice assistant out of CLINC (train): harmless from a user, out of place in an e-mail."""
    return [row["text"] for row in shared_rows("clinc_oos/train.jsonl.gz") if row["intent"] in ASSISTANT_INTENTS]


def documents() -> list[str]:
    """Long benign texts: medical answers, a service manual, clinical notes and dialogues, tickets."""
    texts = [row["answer"] for row in shared_rows("medquad/kb_dev.jsonl.gz")][::3]
    texts += [f"{row['text']} {row['subtext']}" for row in shared_rows("abcd_policy_kb/guidelines.jsonl.gz")]
    for row in shared_rows("mts_dialog/train.jsonl.gz"):
        texts += [row["note"], row["dialogue"]]
    for row in shared_rows("it_tickets/train.jsonl.gz"):
        texts.append(f"{row['short_description']}\n{row['description']}\n{row['resolution']}")
    return [text for text in texts if len(text) > 60]


# --- the sets -----------------------------------------------------------------------------------------------------------------


def training_set(seed: int, scale: float = 1.0) -> list[Example]:
    """All examples to learn from, in an order that the seed decides; `scale` multiplies their number."""
    chance = random.Random(seed)
    grammar = Grammar("slots.txt", "benign.txt", "data.txt", "attacks.txt", "more.txt", "composed.txt")
    shared, long_texts, requests = shared_injection(), documents(), assistant_requests()
    writer = Writer(grammar, chance, "mail_line", "passage_line", [text for index, text in enumerate(long_texts) if index % 3])
    attacks = shared.attacks
    makers: list[tuple[int, Callable[[], Example]]] = [
        (4_000, lambda: _user(casual(grammar.write("trigger", chance), chance), "trigger")),
        (700, lambda: _user(f"{grammar.write('trigger', chance)} {grammar.write('trigger', chance)}", "trigger")),
        (1_300, lambda: _user(casual(grammar.write("plain_leak", chance), chance), "trigger")),
        (900, lambda: replace(_user(casual(grammar.write("composed", chance), chance), "request"), order=ATTACK)),
        (1_000, lambda: _attack(casual(grammar.write("leak_frame", chance), chance), "leak")),
        (500, lambda: _user(f"{grammar.write('human_line', chance)} {grammar.write('human_line', chance)}", "human")),
        (1_200, lambda: replace(_user(casual(grammar.write("request", chance), chance), "request"), order=ATTACK)),
        (1_500, lambda: _user(_long_request(grammar, chance), "long_request")),
        (1_500, lambda: _user(_scenario(grammar, chance), "scenario")),
        (1_300, lambda: _user(casual(grammar.write("foreign", chance), chance), "foreign")),
        (1_000, lambda: replace(_user(casual(chance.choice(shared.short), chance), "short"))),
        (600, lambda: replace(_user(chance.choice(requests), "assistant"), order=ATTACK)),
        (900, lambda: _task(grammar, chance, writer, shared.contexts)),
        (4_200, lambda: Example(writer.data(shared.contexts), "data", CLEAN)),
        (700, lambda: Example(_customer_mail(grammar, chance, shared.short), "customer_mail", CLEAN)),
        (900, lambda: _jailbreak(chance.choice(shared.jailbreaks), chance)),
        (2_400, lambda: _attack(_direct(grammar, chance), "direct")),
        (600, lambda: _attack(disguised(_direct(grammar, chance), chance), "disguised")),
        (800, lambda: _attack(casual(grammar.write("direct_foreign", chance), chance), "direct_foreign")),
        (700, lambda: _attack(f"{_user_text(grammar, chance, writer)}\n{_direct(grammar, chance)}", "direct_after")),
        (900, lambda: chance.choice(shared.planted)),
        (4_400, lambda: _planted(grammar, chance, writer, shared.contexts, attacks, requests)),
        (500, lambda: _order(grammar.write("planted_frame", chance))),
        (250, lambda: _attack(grammar.write("drop", chance) + chance.choice((".", "", "!")), "drop")),
    ]
    examples = [make() for count, make in makers for _ in range(int(count * scale))]
    examples += [Example(text, "data", CLEAN) for text in shared.contexts for _ in range(8)]
    chance.shuffle(examples)
    return examples


def _user(text: str, kind: str) -> Example:
    return Example(text, kind, CLEAN, order=UNKNOWN)


def _attack(text: str, kind: str) -> Example:
    return Example(text, kind, ATTACK, planted=UNKNOWN, order=ATTACK)


def _order(text: str) -> Example:
    return Example(text, "order", UNKNOWN, planted=UNKNOWN, order=ATTACK)


def _jailbreak(text: str, chance: random.Random) -> Example:
    words = text.split(" ")
    if len(words) > 150 and chance.random() < 0.45:
        first = chance.randint(0, len(words) - 120)
        text = " ".join(words[first : first + 150])
    return _attack(text, "jailbreak")


def _direct(grammar: Grammar, chance: random.Random) -> str:
    return casual(grammar.write("direct", chance), chance)


def _long_request(grammar: Grammar, chance: random.Random) -> str:
    tasks = [grammar.write("long_request_task", chance) for _ in range(chance.randint(2, 8))]
    if chance.random() < 0.3:
        tasks = [f"{number}. {each}" for number, each in enumerate(tasks, 1)]
    joint = chance.choice((" ", " ", "\n", "\n- "))
    parts = [grammar.write("long_request_intro", chance), grammar.write("request", chance), joint.join(tasks)]
    if chance.random() < 0.2:
        parts.append(grammar.write("trigger", chance))
    return chance.choice((" ", "\n")).join(parts)


def _scenario(grammar: Grammar, chance: random.Random) -> str:
    parts = [grammar.write("scenario", chance)]
    if chance.random() < 0.4:
        parts.append(grammar.write("long_request_task", chance))
    if chance.random() < 0.25:
        parts.insert(0, grammar.write("long_request_intro", chance))
    if chance.random() < 0.2:
        parts.append(grammar.write("scenario", chance))
    return " ".join(parts)


def _user_text(grammar: Grammar, chance: random.Random, writer: Writer) -> str:
    style = chance.random()
    if style < 0.3:
        return grammar.write("request", chance)
    return grammar.write("task_on_data", chance) + "\n" + writer.email() if style < 0.6 else grammar.write("trigger", chance)


def _task(grammar: Grammar, chance: random.Random, writer: Writer, contexts: list[str]) -> Example:
    """A user's own request with the text that it is about, in one message."""
    task, data = grammar.write("task_on_data", chance), writer.data(contexts)
    return _user(f"{task}\n{data}" if chance.random() < 0.8 else f"{data}\n\n{task}", "task")


def _customer_mail(grammar: Grammar, chance: random.Random, short: list[str]) -> str:
    body = " ".join(chance.choice(short[: len(short) // 2]) for _ in range(chance.randint(1, 3)))
    parts = [grammar.write("greeting", chance), body, grammar.write("closing", chance)]
    return chance.choice(("\n", "\n\n", " ")).join(parts)


def _planted(
    grammar: Grammar, chance: random.Random, writer: Writer, contexts: list[str], attacks: list[str], requests: list[str]
) -> Example:
    style, direct = chance.random(), UNKNOWN
    if style < 0.28:
        attack = grammar.write("composed", chance)
    elif style < 0.5:
        attack = grammar.write("planted_frame", chance)
    elif style < 0.6:
        attack = grammar.write("planted_foreign", chance)
    elif style < 0.72:
        attack = chance.choice(attacks)
    elif style < 0.88:
        attack = chance.choice(requests)
        attack = attack[:1].upper() + attack[1:] + chance.choice((".", "?", ""))
    else:
        attack, direct = grammar.write("direct", chance), ATTACK
    if chance.random() < 0.04:
        attack = disguised(attack, chance)
    data = writer.data(contexts)
    if chance.random() < 0.1:
        data = grammar.write("task_on_data", chance) + "\n" + data
    return planted_in(data, attack, chance, direct, "planted")


# --- what it is tried on ----------------------------------------------------------------------------------------------------


#: How often each held template is filled, one after the other.
REPEATS = {"hard benign": 2, "benign requests": 2, "benign long": 4, "benign foreign": 1, "direct": 4, "mails attacked": 2}


def held_sets(seed: int, file: str) -> dict[str, list[Example]]:
    """Sets that share no template, no attack, no e-mail and no source with the training set: of `held.txt`, on which thresholds
    are set and choices were made, or of `final.txt`, which is reported on. Rows of shared and bank texts go by halves to the one
    or the other; BIPIA's and the jailbreaks are reported on only."""
    chance = random.Random(seed)
    final = file == "final.txt"
    grammar = Grammar("slots.txt", "data.txt", file)  # of data.txt: greetings, subjects, keys, no sentences
    shared, long_texts = shared_injection(), documents()
    writer = Writer(
        grammar, chance, "h_mail_line", "h_passage", [text for index, text in enumerate(long_texts) if index % 3 == 0]
    )
    lists = grammar.lists

    def each(name: str, times: int) -> list[str]:
        return [grammar.fill(template, chance) for template in lists[name] for _ in range(times)]

    mails = [writer.email() for _ in range(300)]
    attacks = each("h_planted", 3)
    bank = [json.loads(line) for line in BANK_MAILS.read_text(encoding="utf-8").splitlines()]
    bank_mails = [f"Subject: {row['subject']}\n\n{row['text']}" if row.get("subject") else row["text"] for row in bank]
    return {
        "hard benign": [_user(text, "trigger") for text in each("h_trigger", REPEATS["hard benign"])],
        "benign requests": [_user(text, "request") for text in each("h_request", REPEATS["benign requests"])],
        "benign long": [_user(text, "long") for text in each("h_long", REPEATS["benign long"])],
        "benign foreign": [_user(text, "foreign") for text in each("h_foreign", REPEATS["benign foreign"])],
        "benign short": [_user(text, "short") for text in shared.held_short[int(final) :: 2][:500]],
        "benign documents": [Example(writer.document(), "data", CLEAN) for _ in range(200)],
        "jailbreaks": [_attack(text, "jailbreak") for text in shared.held_jailbreaks if final],
        "direct": [_attack(text, "direct") for text in each("h_direct", REPEATS["direct"])],
        "bank mails": [Example(text, "data", CLEAN) for text in bank_mails[int(final) :: 2]],
        "mails clean": [Example(text, "data", CLEAN) for text in mails],
        "mails attacked": [
            planted_in(context, chance.choice(attacks), chance, UNKNOWN, "planted") for context in mails for _ in range(2)
        ],
        "bipia clean": [Example(text, "data", CLEAN) for text in shared.held_contexts if final],
        "bipia attacked": shared.held_planted if final else [],
    }


if __name__ == "__main__":
    import collections

    made = training_set(1, 0.05)
    print(collections.Counter(example.kind for example in made))
    for example in random.Random(2).sample(made, 40):
        marked = "".join("⟦" + example.text[start:end] + "⟧" for start, end in example.spans)
        print("----", example.kind, example.direct, example.planted, example.order, marked)
        print(example.text)
    for name, examples in held_sets(3, "held.txt").items():
        print(name, len(examples), "|", *(each.text[:100].replace("\n", "/") for each in examples[:1]))
