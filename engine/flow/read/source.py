"""Bytes from anywhere → one well-formed, bounded XML tree in which every element can be named.

Files come from modelers of many makes and from strangers: nothing is fetched, no entity is expanded,
size and depth are bounded, and what the standard allows to be left out or written loosely (ids,
white space, prefixed references, comments inside texts) is made uniform here, once.
"""

from __future__ import annotations

import re

from lxml import etree

from ...errors import say
from .findings import BPMN, Findings, label, local, names

MOST_BYTES = 20_000_000
MOST_ELEMENTS = 50_000
DEEPEST = 40

FLOW_NODES = names(
    """
    startEvent endEvent intermediateCatchEvent intermediateThrowEvent boundaryEvent implicitThrowEvent event
    task userTask manualTask scriptTask businessRuleTask serviceTask sendTask receiveTask
    subProcess transaction adHocSubProcess callActivity
    exclusiveGateway parallelGateway inclusiveGateway eventBasedGateway complexGateway
    choreographyTask subChoreography callChoreography"""
)
"""Every flow node of BPMN 2.0.2 (figure 8.20 and its subclasses), whether supported or not."""

FLOW_ELEMENTS = FLOW_NODES | {"sequenceFlow"}
SCOPES = frozenset({"process", "subProcess", "transaction", "adHocSubProcess"})

_NAMED = FLOW_ELEMENTS | {"process", "message", "signal", "error", "escalation", "lane"}
_UNIQUE = _NAMED | {"dataObject", "dataObjectReference", "dataStoreReference"}
_QNAMES = (
    *("messageRef", "signalRef", "errorRef", "escalationRef", "activityRef", "attachedToRef"),
    *("calledElement", "processRef", "sourceRef", "targetRef"),
    *("correlationKeyRef", "correlationPropertyRef"),
)
_REFERENCES = frozenset(
    {
        *("incoming", "outgoing", "flowNodeRef", "loopDataInputRef", "loopDataOutputRef"),
        *("sourceRef", "targetRef", "eventDefinitionRef", "correlationPropertyRef"),
    }
)
_BOOLEANS = names(
    """isSequential cancelActivity triggeredByEvent isExecutable isInterrupting parallelMultiple instantiate
    isForCompensation isCollection testBefore isClosed mustUnderstand waitForCompletion"""
)
_NAME = re.compile(r"[\w.~-]+")
_EXPRESSIONS = names(
    """conditionExpression script timeDate timeDuration timeCycle loopCardinality
    completionCondition loopCondition condition from to transformation
    messagePath dataPath"""
)


def parse(data: bytes, findings: Findings) -> etree._Element | None:
    """The root of an XML file, or None and a problem. Never fetches, never expands entities."""
    if len(data) > MOST_BYTES:
        findings.error(
            "xml.too_big",
            None,
            say("the file is larger than {most} bytes", most=MOST_BYTES),
            remedy=say("split the process into called processes"),
        )
        return None
    if _WEB_PAGE.match(data):
        findings.error(
            "bpmn.not_bpmn",
            None,
            say("the file is a web page, not a diagram"),
            remedy=say("download the file itself, not the page that shows it"),
        )
        return None
    declared = _declared(data)
    try:
        root = _tree(data, _instead_of(declared))
    except etree.XMLSyntaxError as error:
        reason = (error.msg or "").strip()
        remedy = say("save it again from the modeler")
        if "encoding" in reason:
            remedy = say("save it as UTF-8; its characters are not {declared}", declared=declared or "UTF-8")
        findings.error(
            "xml.unreadable",
            None,
            say("the file is not well-formed XML, line {line}: {reason}", line=error.lineno, reason=reason),
            remedy=remedy,
            place=(max(error.position[0], 1), max(error.position[1], 1)),
        )
        return None
    if declared and declared not in ("utf-8", "utf8") and _is_utf8(data):
        findings.warning(
            "xml.encoding_doubtful",
            None,
            say("the file says that it is written in {declared}, but it looks like UTF-8", declared=declared),
            remedy=say("if names are garbled, correct the encoding in the first line"),
        )
    if root.getroottree().docinfo.doctype:  # type: ignore[attr-defined]
        findings.error(
            "xml.doctype",
            None,
            say("the file declares a document type or entities"),
            remedy=say("remove the line that begins with <!DOCTYPE; diagrams need none"),
        )
        return None
    return root


_WEB_PAGE = re.compile(rb"\s*<(!doctype\s+)?html\b", re.IGNORECASE)
_CHINESE = frozenset({"gb2312", "gbk", "cp936"})
"""Names under which files are declared that hold characters of a later version of the same set."""


def _declared(data: bytes) -> str:
    """The encoding that the XML declaration names; empty if it names none."""
    found = re.match(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.-]+)", data)
    return found[1].decode("ascii").lower() if found else ""


def _instead_of(declared: str) -> str | None:
    """The encoding to read a file in, if not in the one that it declares in bytes of ASCII."""
    if declared in _CHINESE:
        return "gb18030"
    # Written by programs that name how they keep texts in memory.
    return "utf-8" if declared in ("utf-16", "unicode", "ucs-2") else None


def _is_utf8(data: bytes) -> bool:
    try:
        return not data.decode("utf-8").isascii()
    except UnicodeDecodeError:
        return False


def _tree(data: bytes, encoding: str | None) -> etree._Element:
    parser = etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(data, parser)


def parse_diagram(data: bytes, findings: Findings) -> etree._Element | None:
    """The `definitions` of a BPMN 2.0 file, made uniform, or None and the reasons."""
    root = parse(data, findings)
    if root is None:
        return None
    if root.tag != BPMN + "definitions":
        findings.error(
            "bpmn.not_bpmn",
            None,
            say("the file is not a BPMN 2.0 diagram"),
            expected=say("an element “definitions” of {namespace}", namespace=BPMN[1:-1]),
            found=say("{tag}", tag=root.tag),
            remedy=say("export it from the modeler as BPMN 2.0 XML"),
        )
        return None
    # Pictures mean nothing here, and their coordinates could only break something.
    for picture in root.findall("{http://www.omg.org/spec/BPMN/20100524/DI}BPMNDiagram"):
        root.remove(picture)
    elements = [e for e in root.iter(BPMN + "*") if isinstance(e.tag, str)]
    if len(elements) > MOST_ELEMENTS:
        findings.error(
            "bpmn.too_many",
            None,
            say(
                "the diagram has {count} elements; at most {most} are read",
                count=len(elements),
                most=MOST_ELEMENTS,
            ),
            remedy=say("split the process into called processes"),
        )
        return None
    if (deep := next((e for e in elements if local(e) in SCOPES and _depth(e) > DEEPEST), None)) is not None:
        findings.error(
            "bpmn.too_deep",
            deep,
            say("{element} is nested more than {most} deep", element=label(deep), most=DEEPEST),
            remedy=say("move inner subprocesses into called processes"),
        )
        return None
    _trim(root)
    for element in elements:
        _straighten(element)
    _booleans(elements, findings)
    _must_understand(root, findings)
    _name(elements)
    good = _well_named(elements, findings)
    return root if _unique(elements, findings) and good else None


def _depth(element: etree._Element) -> int:
    return sum(1 for _ in element.iterancestors())


def _trim(root: etree._Element) -> None:
    for element in root.iter("*"):
        for name, value in element.attrib.items():
            if value != value.strip():
                element.set(name, value.strip())


def _straighten(element: etree._Element) -> None:
    """References without prefix; the text of references and expressions whole and first."""
    for name in _QNAMES:
        value = element.get(name)
        if value == "":
            del element.attrib[name]
        elif value is not None:
            element.set(name, _without_prefix(element, value))
    tag = local(element)
    if tag in _REFERENCES:
        element.text = _without_prefix(element, (element.text or "").strip())
    elif tag in _EXPRESSIONS and len(element):
        # documentation or extensionElements may stand before the text (§8.4.7, tBaseElementWithMixedContent)
        element.text = (element.text or "") + "".join(inner.tail or "" for inner in element)
        for inner in element:
            inner.tail = None


def _booleans(elements: list[etree._Element], findings: Findings) -> None:
    """An XML Schema boolean has four spellings; here it gets two, and anything else is refused."""
    for element in elements:
        for name in _BOOLEANS.intersection(map(str, element.attrib)):
            value = element.get(name, "")
            if value in ("1", "0"):
                element.set(name, "true" if value == "1" else "false")
            elif value not in ("true", "false"):
                findings.error(
                    "bpmn.not_boolean",
                    element if element.get("id") else element.getparent(),
                    say("{name} is neither true nor false", name=name),
                    found=say("{value}", value=value),
                    remedy=say("write true or false"),
                )


def _must_understand(root: etree._Element, findings: Findings) -> None:
    """An extension that has to be understood (§8.2.3) is one this engine does not know."""
    for extended in root.iter(BPMN + "extension"):
        if extended.get("mustUnderstand") == "true":
            findings.error(
                "extension.not_understood",
                None,
                say(
                    "the file says that extension {name} must be understood",
                    name=extended.get("definition", ""),
                ),
                remedy=say("draw it with the elements of BPMN"),
            )


def _without_prefix(element: etree._Element, name: str) -> str:
    prefix, colon, rest = name.partition(":")
    return rest if colon and prefix in element.nsmap else name


def _name(elements: list[etree._Element]) -> None:
    """Give ids where the schema lets them be left out: `sequenceFlow~3` is the third one of the file."""
    taken = {element.get("id") for element in elements}
    counts: dict[str, int] = {}
    for element in elements:
        tag = local(element)
        if tag not in _NAMED:
            continue
        counts[tag] = counts.get(tag, 0) + 1
        if not element.get("id"):
            name = f"{tag}~{counts[tag]}"
            while name in taken:
                name += "~"
            taken.add(name)
            element.set("id", name)
        if tag in ("message", "signal") and not element.get("name"):
            element.set("name", element.get("id", ""))


def _well_named(elements: list[etree._Element], findings: Findings) -> bool:
    """Ids are XML names: the marks `/ # :` in identities of tasks are never part of one."""
    identities = FLOW_ELEMENTS | {"process"}
    bad = [e for e in elements if local(e) in identities and not _NAME.fullmatch(e.get("id", ""))]
    for element in bad:
        findings.error(
            "bpmn.bad_id",
            element,
            say("the id of {element} is not a name", element=label(element)),
            expected=say("letters, digits, underscores, hyphens and dots"),
            remedy=say("change the id in the modeler"),
        )
    return not bad


def _unique(elements: list[etree._Element], findings: Findings) -> bool:
    seen: set[str] = set()
    twice: set[str] = set()
    for element in elements:
        name = element.get("id", "")
        if local(element) not in _UNIQUE or not name:
            continue
        if name in seen and name not in twice:
            twice.add(name)
            findings.error(
                "bpmn.duplicate_id",
                element,
                say("the id {id} is used more than once, here by {element}", id=name, element=label(element)),
                remedy=say("give each element an id of its own"),
            )
        seen.add(name)
    return not twice
