"""The XML of an answer: the fields of a form, out of ``QuestionFormAnswers`` and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NoReturn
from xml.etree import ElementTree
from xml.parsers import expat

import xmltodict

from annotaudit.errors import LabelFormatError
from annotaudit.formats.problems import excerpt

NAMESPACE = (
    "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/"
    "QuestionFormAnswers.xsd"
)
MAX_ANSWER = 10_000_000  # characters; a worker's hundred boxes take ten thousand


MAX_TAGS = 100_000  # what costs memory; a form of ten thousand fields has fewer

_AGAIN = "List the assignments of the HIT again."


def _refuse_doctype(*_: Any) -> NoReturn:
    raise LabelFormatError(
        "The answer has a DOCTYPE, which answers never need and attackers do; expected "
        "QuestionFormAnswers alone. Find out who wrote this file."
    )


class _PlainExpat:
    """What xmltodict takes its parser from: without a DOCTYPE there is no entity to expand."""

    @staticmethod
    def ParserCreate(*options: Any) -> Any:  # the name is expat's
        parser = expat.ParserCreate(*options)
        parser.StartDoctypeDeclHandler = _refuse_doctype
        return parser


class _PlainTree(ElementTree.TreeBuilder):
    doctype = staticmethod(_refuse_doctype)


def read_fields(xml: str) -> dict[str, str]:
    """Read the fields of a form from the XML of an answer, in any number from none.

    Parameters
    ----------
    xml : str
        A ``QuestionFormAnswers`` document, with its namespace as default, prefixed or left out.

    Returns
    -------
    dict
        Field name to text. Choices stand side by side with ``|`` between, as in batch results; a
        name that comes again gets its number: ``colour``, ``colour (2)``.

    Raises
    ------
    LabelFormatError
        If it is not XML, has a DOCTYPE, is longer than ``MAX_ANSWER`` or has more than
        ``MAX_TAGS``, or is something else than ``QuestionFormAnswers``.

    Examples
    --------
    >>> read_fields("<QuestionFormAnswers><Answer><QuestionIdentifier>boxes</QuestionIdentifier>"
    ...             "<FreeText>[]</FreeText></Answer></QuestionFormAnswers>")
    {'boxes': '[]'}
    """
    _check_size(xml)
    try:
        document = xmltodict.parse(
            as_unicode(xml),
            expat=_PlainExpat,
            process_namespaces=True,
            xml_attribs=False,
            strip_whitespace=False,
            force_list=True,
        )
    except expat.ExpatError as error:
        raise _not_xml(error) from error
    ((root, (form,)),) = document.items()
    _check_root(_plain(root))
    fields: dict[str, str] = {}
    for answer in _children(form, "Answer"):
        name = "".join(map(_text, _children(answer, "QuestionIdentifier"))).strip()
        texts = [
            _text(part)
            for kind, parts in (answer.items() if isinstance(answer, dict) else [])
            if _plain(kind) not in ("QuestionIdentifier", "#text")  # the latter between elements
            for part in parts
        ]
        fields[_unused(name, fields)] = "|".join(texts)
    return fields


def _children(element: Any, wanted: str) -> list[Any]:
    """Elements of a name in any namespace, or none."""
    if not isinstance(element, dict):
        return []
    return [each for name, parts in element.items() if _plain(name) == wanted for each in parts]


def _text(element: Any) -> str:
    """All text in an element, however deep it stands."""
    texts, waiting = [], [element]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            texts.append(part)
        elif part is not None:
            waiting += reversed(list(part.values()) if isinstance(part, dict) else part)
    return "".join(texts)


def _check_size(xml: str) -> None:
    for found, most, what in (
        (len(xml), MAX_ANSWER, "characters"),
        (xml.count("<"), MAX_TAGS, "tags"),
    ):
        if found > most:
            raise LabelFormatError(
                f"The answer has {found:,} {what}; at most {most:,} are read. Look at it by hand."
            )


def _check_root(name: str) -> None:
    if name != "QuestionFormAnswers":
        raise LabelFormatError(
            f"The answer is {excerpt(name)} in XML; expected QuestionFormAnswers. {_AGAIN}"
        )


def _not_xml(error: Exception) -> LabelFormatError:
    return LabelFormatError(
        f"The answer is not XML ({error}); expected QuestionFormAnswers. {_AGAIN}"
    )


def _tree(xml: str) -> ElementTree.Element:
    """Parse an answer into elements that can be changed and written again."""
    _check_size(xml)
    try:
        root = ElementTree.fromstring(as_unicode(xml), ElementTree.XMLParser(target=_PlainTree()))
    except (ElementTree.ParseError, LookupError) as error:
        raise _not_xml(error) from error
    _check_root(_plain(root.tag))
    return root


def replace_fields(xml: str, changed: dict[str, str]) -> str:
    """Put new texts into the XML of an answer; what is not named stays as it is."""
    root = _tree(xml)
    namespace = root.tag[: root.tag.find("}") + 1]
    seen: dict[str, str] = {}
    for answer in root.iterfind("{*}Answer"):
        identifier = answer.find("{*}QuestionIdentifier")
        name = _unused(
            "".join(identifier.itertext()).strip() if identifier is not None else "", seen
        )
        seen[name] = ""
        if name in changed:
            free = answer.find("{*}FreeText")
            free = ElementTree.SubElement(answer, f"{namespace}FreeText") if free is None else free
            for part in list(free):
                free.remove(part)
            free.text = _for_xml(changed[name])
    for name in changed.keys() - seen.keys():
        _append_field(root, namespace, name, changed[name])
    return _as_xml(root)


def write_fields(fields: dict[str, str]) -> str:
    """Write fields as the XML of an answer.

    Examples
    --------
    >>> read_fields(write_fields({"boxes": "[]", "comment": "a < b"}))
    {'boxes': '[]', 'comment': 'a < b'}
    """
    root = ElementTree.Element(f"{{{NAMESPACE}}}QuestionFormAnswers")
    for name, text in fields.items():
        _append_field(root, f"{{{NAMESPACE}}}", name, text)
    return _as_xml(root)


def _append_field(root: ElementTree.Element, namespace: str, name: str, text: str) -> None:
    answer = ElementTree.SubElement(root, f"{namespace}Answer")
    ElementTree.SubElement(answer, f"{namespace}QuestionIdentifier").text = _for_xml(name)
    ElementTree.SubElement(answer, f"{namespace}FreeText").text = _for_xml(text)


def _as_xml(root: ElementTree.Element) -> str:
    namespaces = {tag.tag.partition("}")[0].removeprefix("{") for tag in root.iter()}
    default = namespaces.pop() if len(namespaces) == 1 and "}" in root.tag else None
    return ElementTree.tostring(root, encoding="unicode", default_namespace=default)


def _for_xml(text: str) -> str:
    """Text without the control characters that XML cannot hold in any spelling."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def _plain(name: str) -> str:
    """Name without its namespace, as xmltodict or as ElementTree writes it."""
    return name.rpartition("}")[2].rpartition(":")[2]


def _unused(name: str, taken: Iterable[str]) -> str:
    number, unused, names = 1, name, set(taken)
    while unused in names:
        number += 1
        unused = f"{name} ({number})"
    return unused


def as_unicode(text: str) -> str:
    """Text whose halves of characters (lone surrogates) are question marks: it can be stored."""
    return text.encode("utf-8", "replace").decode("utf-8")
