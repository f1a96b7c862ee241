"""Minutes as Markdown: what people read and pass on, with the hash of the document that it was written from."""

from __future__ import annotations

from datetime import datetime

from groundcrew.domain.minutes import Minutes, MinutesAction, MinutesDecision, MinutesNote, MinutesPoint
from groundcrew.services.minutes import MinutesNow

STATE_WORDS = {"queued": "not reached", "discussed": "discussed", "decided": "decided", "deferred": "put off"}
DECISION_WORDS = {"adopted": "Adopted", "rejected": "Not adopted", "withdrawn": "Withdrawn", "proposed": "Proposed"}
KIND_WORDS = {
    "resolution": "resolution",
    "allocate_resource": "allocates a resource",
    "deny_resource": "denies a resource",
    "grant_authority": "grants an authority",
    "revoke_authority": "takes an authority back",
    "deny_authority": "denies an authority",
    "name_deputies": "names who stands in for a function",
    "review_veto": "reviews a veto",
    "dispose_overlap": "settles an overlap",
}


def markdown_of(kept: MinutesNow) -> str:
    """The minutes, and what was put right since, as Markdown."""
    minutes = kept.minutes
    parts = [
        f"# Minutes of the GenAI Stream, {minutes.opened_at:%Y-%m-%d}",
        "",
        *_facts(minutes, kept.sha256),
        "",
        "## Who was there",
        "",
        *_presences(minutes),
        "",
    ]
    for point in minutes.points:
        parts += _point(point)
    if not minutes.points:
        parts += ["## Points", "", "Nothing was talked about.", ""]
    if minutes.notes:
        parts += ["## Said besides", "", *(_said(each) for each in minutes.notes), ""]
    if minutes.actions:
        parts += ["## Actions besides", "", *(_action(each) for each in minutes.actions), ""]
    if minutes.settled:
        parts += ["## Settled before they were reached", "", *(f"- {_line(each)}" for each in minutes.settled), ""]
    for each in kept.addenda:
        parts += [f"## Addendum of {_stamp(each.at)} by {who(each.by)}", "", *_quoted(each.text), ""]
    parts += [f"Times are UTC. SHA-256 of the minutes: `{kept.sha256}`."]
    return "\n".join(parts) + "\n"


def quorum_line(minutes: Minutes) -> str:
    """When there was a quorum."""
    if not minutes.quorum:
        return "never: nothing binding could be decided"
    return ", ".join(f"{each.begin:%H:%M:%S} to {each.end:%H:%M:%S}" for each in minutes.quorum)


def vote_line(decision: MinutesDecision) -> str:
    """Everybody's word, by function."""
    words = [
        f"{each.function} ({each.person}): {each.word}" + (f" – “{_line(each.remark)}”" if each.remark else "")
        for each in decision.votes
    ]
    words += [f"{each}: no say" for each in decision.recused]
    return "; ".join(words) or "nobody has voted"


def about_line(decision: MinutesDecision) -> str:
    """What a decision is about, with its terms; empty where it is nothing but its text."""
    terms = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in sorted(decision.terms.items()))
    parts = [KIND_WORDS[decision.kind] if decision.kind != "resolution" else "", decision.subject, terms]
    return ": ".join(each for each in parts if each) if any(parts) else ""


def action_line(action: MinutesAction) -> str:
    """Who does what by when."""
    about = f" ({action.use_case})" if action.use_case else ""
    return f"{_line(action.title)}{about}: {action.owner}, by {action.due}" + (", done" if action.state == "done" else "")


def who(actor: str) -> str:
    """An actor as people are named."""
    origin, _, name = actor.partition(":")
    return name if origin == "user" else actor


def _facts(minutes: Minutes, sha256: str) -> list[str]:
    facts = [
        ("Meeting", f"`{minutes.meeting}`"),
        ("Scheduled for", _stamp(minutes.starts_at)),
        ("Opened", f"{_stamp(minutes.opened_at)} by {who(minutes.opened_by)}"),
        ("Closed", f"{_stamp(minutes.closed_at)} by {who(minutes.closed_by)}"),
        ("Quorum", quorum_line(minutes)),
        ("SHA-256", f"`{sha256}`"),
    ]
    if minutes.place:
        facts.insert(2, ("Place", minutes.place))
    return ["| | |", "|---|---|", *(f"| {name} | {_cell(value)} |" for name, value in facts)]


def _presences(minutes: Minutes) -> list[str]:
    if not minutes.presences:
        return ["Nobody has joined."]
    rows = [
        f"| {_cell(each.person)} | {each.function or '–'} | {each.begin:%H:%M:%S} | {each.end:%H:%M:%S} |"
        for each in minutes.presences
    ]
    return ["| Who | Spoke for | From | Until |", "|---|---|---|---|", *rows]


def _point(point: MinutesPoint) -> list[str]:
    lines = [f"## {point.number}. {_line(point.title)}", ""]
    lines += [
        f"*{point.kind.replace('_', ' ')}, {STATE_WORDS[point.state]}*" + (f": {_line(point.reason)}" if point.reason else "")
    ]
    lines += ["", *_quoted(point.why), ""]
    if point.summary:
        lines += [*_quoted(point.summary), ""]
    if point.notes:
        lines += [*(_said(each) for each in point.notes), ""]
    for decision in point.decisions:
        lines += _decision(decision)
    if point.actions:
        lines += ["Actions:", "", *(_action(each) for each in point.actions), ""]
    if point.standing:
        lines += ["When the meeting was closed:", "", *(f"- {_line(each)}" for each in point.standing), ""]
    return lines


def _decision(decision: MinutesDecision) -> list[str]:
    when = f", {_stamp(decision.decided_at)}" if decision.decided_at is not None else ""
    lines = [f"**{DECISION_WORDS[decision.state]}**{when}: {_line(decision.text)}", ""]
    about = about_line(decision)
    if about:
        lines.append(f"- It {_line(about)}" if decision.kind != "resolution" else f"- About {_line(about)}")
    lines.append(f"- Proposed by {who(decision.proposed_by)}. Votes: {_line(vote_line(decision))}")
    if decision.reason:
        lines.append(f"- {_line(decision.reason)}")
    if decision.quorum:
        there = ", ".join(f"{function} {person}" for function, person in sorted(decision.quorum.items()))
        lines.append(f"- Quorum: {_line(there)}")
    for each in decision.citations:
        lines.append(f"- Cites `{each.reference}`: {_line(each.title)}")
        lines += [f"  - {_line(line)}" for line in each.lines]
    return [*lines, ""]


def _said(note: MinutesNote) -> str:
    return f"- {note.at:%H:%M} {who(note.by)}: {_line(note.text)}"


def _action(action: MinutesAction) -> str:
    return f"- {action_line(action)}"


def _quoted(text: str) -> list[str]:
    """A text as it was written, each line within the quotation, whatever ends it: nothing in it can pass for what the record
    says, such as a decision."""
    return [f"> {line}" if line.strip() else ">" for line in text.replace("<", "&lt;").splitlines()]


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _line(text: str) -> str:
    """A text on one line, whatever somebody wrote."""
    return " ".join(text.split()).replace("<", "&lt;")


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")
