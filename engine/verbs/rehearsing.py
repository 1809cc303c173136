"""An item on virtual time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Invalid, Problem, Refusal, say
from .answers import ask, may_ask
from .frame import EXIT, Settings, Wrong, complain, problem_data, rendered
from .streams import parse_json, read_bytes, write_new
from .table import verb

if TYPE_CHECKING:
    from ..office.rehearsing import ByHand, Rehearsing


@verb(
    "item/rehearse",
    """lianban item rehearse processes/senior-card --step
lianban item rehearse processes/senior-card --explore --dry-run
lianban item rehearse process.bpmn --inputs inputs.json

  {"start": "2026-03-02T09:00:00+08:00", "variables": {"capital": 200},
   "steps": [{"complete": "review", "data": {"opinion": "agree"}},
             {"advance_to": "2026-03-05T09:00:00+08:00"}]}""",
    say(
        "Play an item's examples on virtual time, look for ways that they leave out, or play a case by hand. "
        "Or run a bare diagram, with the decision tables (*.dmn) beside it."
    ),
)
@click.argument("diagram", metavar="FOLDER|FILE.bpmn")
@click.option(
    "--inputs",
    metavar="FILE.json",
    help=say("Of a bare diagram: start, variables and steps; - for standard input.").msgid,
)
@click.option("--example", metavar="NAME", help=say("Of an item: only this example.").msgid)
@click.option(
    "--step", "step_by_step", is_flag=True, help=say("Of an item: show each step of the examples.").msgid
)
@click.option(
    "--explore",
    "exploring",
    is_flag=True,
    help=say("Of an item: look for ways that no example takes, and write examples that take them.").msgid,
)
@click.option(
    "--play",
    "by_hand",
    is_flag=True,
    help=say("Of an item: play a case by hand, from prompts or --data, and write it as an example.").msgid,
)
@click.option(
    "--data",
    metavar="FILE",
    help=say("For --play: the moves as JSON in FILE, or - (standard input).").msgid,
)
@click.option("--save", metavar="NAME", help=say("For --play: the name of the example.").msgid)
@click.option("--dry-run", is_flag=True, help=say("Write no file; print what would be written.").msgid)
def rehearse(
    settings: Settings,
    diagram: str,
    inputs: str | None,
    example: str | None,
    step_by_step: bool,
    exploring: bool,
    by_hand: bool,
    data: str | None,
    save: str | None,
    dry_run: bool,
) -> int:
    given = {
        "--example": example,
        "--step": step_by_step,
        "--explore": exploring,
        "--play": by_hand,
        "--data": data,
        "--save": save,
        "--dry-run": dry_run,
    }
    if inputs is not None or not Path(diagram).is_dir():
        misplaced = [option for option, value in given.items() if value]
        if misplaced:
            raise Wrong(say("{option} is for the folder of an item, without --inputs", option=misplaced[0]))
        if inputs is None:
            raise click.MissingParameter(
                ctx=click.get_current_context(), param_hint="'--inputs'", param_type="option"
            )
        return _rehearse_diagram(settings, diagram, inputs)
    if exploring and (by_hand or example is not None or step_by_step):
        raise Wrong(say("--explore stands alone, or with --dry-run"))
    if by_hand and (example is not None or step_by_step):
        raise Wrong(say("--play goes with --data, --save and --dry-run only"))
    if not by_hand and (data is not None or save is not None):
        raise Wrong(say("--data and --save go with --play"))
    if dry_run and not exploring and not by_hand:
        raise Wrong(say("--dry-run goes with --explore or --play; nothing else writes a file"))
    item = _rehearsing(settings, Path(diagram))
    if exploring:
        return _explore(settings, item, dry_run=dry_run)
    if by_hand:
        return _play_by_hand(settings, item, data, save, dry_run=dry_run)
    told = item.examples(example, step_by_step=step_by_step)
    settings.show(told, lambda screen, data: screen.rehearsed(data))
    return 0 if all(line["ok"] for line in told["examples"]) else EXIT["refused"]


def _rehearsing(settings: Settings, folder: Path) -> Rehearsing:
    """The item in `folder` with the people of the office at hand, or where there is none the shipped ones."""
    from ..office.rehearsing import Rehearsing

    return settings.office_at_hand(lambda office: office.rehearsing(folder), lambda: Rehearsing(folder))


def _explore(settings: Settings, item: Rehearsing, *, dry_run: bool) -> int:
    """Propose examples, and write them unless it is a dry run. No file is ever written over."""
    told = item.explore(settings.translate, settings.lang)
    for line in told["proposed"]:
        if not dry_run:
            write_new(item.folder / line["file"], line["content"])
            line["written"] = True
        elif not settings.json:
            click.echo(f"--- {line['file']}\n{line['content']}")
    settings.show(told, lambda screen, data: screen.explored(data))
    return 0


def _play_by_hand(
    settings: Settings, item: Rehearsing, data: str | None, save: str | None, *, dry_run: bool
) -> int:
    """Play a case, and write it as an example once it is closed."""
    from ..office.rehearsing import PLAYED

    if save is not None and re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", save) is None:
        raise Wrong(say("{name} is no name of a file: use letters, digits and hyphens", name=save))
    session = item.by_hand()
    script: Any = {}
    if data is not None:
        script = parse_json(read_bytes(data), data)
        session.play(script)
    elif may_ask(settings):
        _ask_moves(settings, session)
    else:
        raise Wrong(say("give the moves with --data, or play on a terminal"))
    folder = item.folder / "examples"
    number = 1
    while (folder / f"played-{number:02d}.toml").exists():
        number += 1
    name = save or f"played-{number:02d}"
    title = script.get("title") or say("Played by hand: {name}", name=name).render(settings.translate)
    told = session.result(str(title), [line.render(settings.translate) for line in PLAYED])
    told["file"] = None
    if told["content"] is not None and not dry_run:
        write_new(folder / f"{name}.toml", told["content"])
        told["file"] = f"examples/{name}.toml"
    elif told["content"] is not None and not settings.json:
        click.echo(told["content"])
    settings.show(told, lambda screen, data: screen.played(data))
    return 0


def _ask_moves(settings: Settings, session: ByHand) -> None:
    """Play on a terminal: choose what is done next, answer its form, or let time pass."""
    from ..clock import OFFICE_ZONE

    def tell(line: Any) -> None:
        drawn = settings.screen(error=True).step_played(rendered(line, settings.translate))
        click.echo(drawn, nl=False, err=True)

    at = session.first_day()
    who = settings.who or next(iter(session.who_opens(at)), "")
    tell(session.open(at, who, ask(settings, session.opening_form(), OFFICE_ZONE, {})))
    while not session.closed:
        choices = session.choices()
        click.echo(settings.screen(error=True).choices(choices), nl=False, err=True)
        text = str(click.prompt(settings.translate("Number, t, or q"), err=True)).strip().casefold()
        if text == "q":
            return
        try:
            if text == "t":
                tell(session.move({"advance": True}))
            elif text.isdecimal() and 1 <= int(text) <= len(choices):
                chosen = choices[int(text) - 1]
                move: dict[str, Any] = {"do": chosen["task"]}
                if not chosen["confirm"]:
                    answers = ask(settings, session.form(chosen["task"]), OFFICE_ZONE, {})
                    move |= {"data": answers} if answers else {}
                tell(session.move(move))
        except Refusal as refusal:
            complain(settings, [refusal.as_dict(settings.translate)])


def _rehearse_diagram(settings: Settings, diagram: str, inputs: str) -> int:
    from ..flow.read import read
    from ..problems import in_order
    from ..rehearsal import refused
    from ..rehearsal import rehearse as run

    problems: list[Problem] = []
    files: dict[str, bytes] = {}
    try:
        tables = sorted(Path(diagram).parent.glob("*.dmn"))
        files = {Path(file).name: read_bytes(file) for file in (diagram, *map(str, tables))}
        script = parse_json(read_bytes(inputs), inputs)
    except Invalid as unreadable:
        result = refused(unreadable)
        found = [unreadable.as_dict(settings.translate)]
    else:
        net, problems = read(files)
        errors = [problem for problem in problems if problem.severity == "error"]
        result = refused(errors[0]) if net is None else run(net, script)
        found = []
        if isinstance(result.problem, Refusal):
            found = [result.problem.as_dict(settings.translate)]
    if not settings.json:
        told = [problem_data(settings, *placed) for placed in in_order(files, problems)]
        complain(settings, [*rendered(told, settings.translate), *found])
    settings.show(result.as_dict(settings.translate), lambda screen, data: screen.rehearsal(data))
    return 0 if result.state in ("running", "completed") else EXIT["refused"]
