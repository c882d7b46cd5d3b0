"""The XML of an answer: the fields of a form, out of ``QuestionFormAnswers`` and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from annotaudit.errors import LabelFormatError
from annotaudit.formats.problems import excerpt

NAMESPACE = (
    "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/"
    "QuestionFormAnswers.xsd"
)
MAX_ANSWER = 10_000_000  # characters; a worker's hundred boxes take ten thousand


class _PlainTree(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise LabelFormatError(
            "The answer has a DOCTYPE, which answers never need and attackers do; expected "
            "QuestionFormAnswers alone. Find out who wrote this file."
        )


def read_tree(xml: str) -> ElementTree.Element:
    """Parse the XML of an answer without ever expanding an entity.

    Raises
    ------
    LabelFormatError
        If it is not XML, has a DOCTYPE, is longer than ``MAX_ANSWER``, or is something else than
        ``QuestionFormAnswers``.
    """
    if len(xml) > MAX_ANSWER:
        raise LabelFormatError(
            f"The answer has {len(xml):,} characters; at most {MAX_ANSWER:,} are read. "
            "Look at it by hand."
        )
    try:
        root = ElementTree.fromstring(as_unicode(xml), ElementTree.XMLParser(target=_PlainTree()))
    except (ElementTree.ParseError, LookupError) as error:
        raise LabelFormatError(
            f"The answer is not XML ({error}); expected QuestionFormAnswers. "
            "List the assignments of the HIT again."
        ) from error
    if _plain(root) != "QuestionFormAnswers":
        raise LabelFormatError(
            f"The answer is {excerpt(_plain(root))} in XML; expected QuestionFormAnswers. "
            "List the assignments of the HIT again."
        )
    return root


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
        As in :func:`read_tree`.

    Examples
    --------
    >>> read_fields("<QuestionFormAnswers><Answer><QuestionIdentifier>boxes</QuestionIdentifier>"
    ...             "<FreeText>[]</FreeText></Answer></QuestionFormAnswers>")
    {'boxes': '[]'}
    """
    fields: dict[str, str] = {}
    for answer in read_tree(xml).iterfind("{*}Answer"):
        parts = [("".join(part.itertext()), _plain(part)) for part in answer]
        name = "".join(text for text, kind in parts if kind == "QuestionIdentifier").strip()
        texts = [text for text, kind in parts if kind != "QuestionIdentifier"]
        fields[_unused(name, fields)] = "|".join(texts)
    return fields


def replace_fields(xml: str, changed: dict[str, str]) -> str:
    """Put new texts into the XML of an answer; what is not named stays as it is."""
    root = read_tree(xml)
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


def _plain(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _unused(name: str, taken: Iterable[str]) -> str:
    number, unused, names = 1, name, set(taken)
    while unused in names:
        number += 1
        unused = f"{name} ({number})"
    return unused


def as_unicode(text: str) -> str:
    """Text whose halves of characters (lone surrogates) are question marks: it can be stored."""
    return text.encode("utf-8", "replace").decode("utf-8")
