"""New HITs: priced, checked and looked at before they are made, and made once."""

import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from PIL import Image

from annotaudit.aws import hit_status, plan_hit, pull_hits, submit_hit, write_preview
from annotaudit.errors import AnnotauditError, LimitError
from annotaudit.formats.mturk.hits import find_image
from annotaudit.formats.mturk.xml import write_fields

IMAGE = "https://example.com/street.jpg"


def make(images=IMAGE, labels=("stop sign",), instructions="Draw a box.", **more):
    return plan_hit(
        images, labels, instructions, **{"title": "Find signs", "reward": "0.10", **more}
    )


class Page(HTMLParser):
    """What a browser makes of a page: its tags with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def page_of(plan):
    question = ET.fromstring(plan.requests[0]["Question"])
    return Page(question.find("{*}HTMLContent").text)


@pytest.mark.parametrize(
    ("assignments", "more", "cost"),
    [
        (3, {}, 0.36),  # a fifth on top
        (10, {}, 1.40),  # two fifths from ten workers on
        (1, {"reward": "0.01"}, 0.02),  # a cent at least
        (2, {"qualifications": [{"QualificationTypeId": "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH",
                                 "Comparator": "Exists"}]}, 0.26),  # 0.025, so 3 cents each
    ],
)  # fmt: skip
def test_the_price_has_the_fees_in_it(assignments, more, cost):
    plan = make([IMAGE, IMAGE + "?2"], assignments=assignments, **more)
    assert plan.cost["cost"].tolist() == pytest.approx([cost, cost])
    assert plan.total == pytest.approx(2 * cost)


def test_the_page_has_the_widget_and_what_it_needs():
    page = page_of(make(labels=["stop sign", 'the "big" one']))
    (widget,) = [attributes for tag, attributes in page.tags if tag == "crowd-bounding-box"]
    assert widget["src"] == IMAGE
    assert widget["labels"] == '["stop sign", "the \\"big\\" one"]'
    assert widget["name"] == "annotatedResult"


HOSTILE = [
    "</script><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("where", ["labels", "instructions", "title"])
def test_what_a_text_says_is_shown_and_never_run(text, where, tmp_path):
    plan = make(**{where: [text] if where == "labels" else text})
    page = page_of(plan)
    ours = page_of(make())
    assert len(page.tags) == len(ours.tags)
    assert [tag for tag, _ in page.tags].count("script") == 1
    preview = Page(write_preview(plan, tmp_path / "p.html").read_text())
    assert not {"script", "img", "iframe"} & {tag for tag, _ in preview.tags}
    assert not [name for _, found in preview.tags for name in found if name.startswith("on")]
    assert text in preview.text


def test_a_hit_of_ours_is_read_back_with_its_image(amazon, client):
    made = submit_hit(make(IMAGE + "?a=1&b=2", assignments=1), client=client, confirm=True)
    hit = made["hit"][0]
    boxes = '{"boundingBoxes":[{"left":1,"top":2,"width":3,"height":4,"label":"stop sign"}]}'
    answer = write_fields({"taskAnswers": f'[{{"annotatedResult":{boxes}}}]'})
    amazon.mturk.submit(hit, "AWORKER", answer)
    labels = pull_hits(client, hit)
    assert labels.frames["image"].tolist() == [IMAGE + "?a=1&b=2"]
    assert labels.boxes[["left", "label"]].to_numpy().tolist() == [[1, "stop sign"]]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"images": "http://example.com/x.jpg"}, "images[0]"),
        ({"images": "https://example.com/a b.jpg"}, "images[0]"),
        ({"images": 'https://example.com/"><script>'}, "images[0]"),
        ({"images": []}, "images"),
        ({"images": [IMAGE, IMAGE]}, "images"),
        ({"labels": []}, "labels"),
        ({"labels": [str(n) for n in range(11)]}, "labels"),
        ({"labels": ["a", "a"]}, "labels"),
        ({"instructions": " "}, "instructions"),
        ({"instructions": "x" * 40_000}, "Question"),
        ({"instructions": "bell \a"}, "texts"),
        ({"title": "x" * 129}, "Title"),
        ({"title": ""}, "Title"),
        ({"reward": 0}, "Reward"),
        ({"assignments": 0}, "MaxAssignments"),
        ({"lifetime_s": 10}, "LifetimeInSeconds"),
        ({"duration_s": 10**9}, "AssignmentDurationInSeconds"),
        ({"batch": "x" * 256}, "RequesterAnnotation"),
        ({"qualifications": [{"QualificationTypeId": "no id"}]}, None),
    ],
)
def test_what_the_service_would_refuse_is_told_offline_and_never_sent(client, change, where):
    plan = make(**change)
    assert where is None or where in plan.problems["where"].tolist()
    with pytest.raises(LimitError, match="nothing was sent"):
        submit_hit(plan, client=client, confirm=True)


def test_no_reward_is_guessed():
    with pytest.raises(LimitError, match="reward='five cents'"):
        make(reward="five cents")


def test_nothing_is_sent_without_confirm(amazon, client):
    results = submit_hit(make(), client=client)
    assert results[["result", "detail"]].to_numpy().tolist() == [["planned", "0.36 USD"]]
    assert amazon.calls == []


def test_the_same_plan_makes_the_same_hits(amazon, client):
    plan = make([IMAGE, IMAGE + "?2"])
    first = submit_hit(plan, client=client, confirm=True)
    again = submit_hit(make([IMAGE, IMAGE + "?2"]), client=client, confirm=True)
    assert set(first["result"]) == {"made"}
    assert set(again["result"]) == {"was made before"}
    assert again["hit"].tolist() == first["hit"].tolist()
    other = submit_hit(make(batch="once more"), client=client, confirm=True)
    assert other["result"].tolist() == ["made"]
    assert len(hit_status(client)) == 3


@pytest.mark.parametrize("kind", ["lost reply", "truncated reply", "server error", "throttling"])
def test_a_bad_line_makes_no_second_hit(amazon, client, kind):
    amazon.fail("CreateHIT", kind)
    results = submit_hit(make(), client=client, confirm=True)
    assert results["hit"].tolist() == list(amazon.mturk.hits)


def test_a_hit_is_found_though_the_message_has_no_id(amazon, client, monkeypatch):
    plan = make()
    first = submit_hit(plan, client=client, confirm=True)
    monkeypatch.setattr(amazon.mturk, "_hit_of_token", {
        token: "hidden" for token in amazon.mturk._hit_of_token
    })  # fmt: skip
    again = submit_hit(plan, client=client, confirm=True)
    assert again["hit"].tolist() == first["hit"].tolist()
    amazon.mturk.hits.clear()
    with pytest.raises(AnnotauditError, match="not among the account's HITs"):
        submit_hit(plan, client=client, confirm=True)


def test_out_of_money_stops(amazon, client):
    amazon.fail("CreateHIT", "no funds")
    results = submit_hit(make([IMAGE, IMAGE + "?2"]), client=client, confirm=True)
    assert results["result"].tolist() == ["not sent", "not sent"]
    assert amazon.mturk.hits == {}


def test_the_preview_shows_the_task_and_needs_nothing_from_outside(tmp_path):
    plan = make([IMAGE, IMAGE + "?2"], instructions="First.\n\nSecond.")
    path = write_preview(plan, tmp_path / "p.html", picture=Image.new("RGB", (3000, 10)))
    page = Page(path.read_text())
    (picture,) = [attributes for tag, attributes in page.tags if tag == "img"]
    assert picture["src"].startswith("data:image/jpeg;base64,")
    assert "default-src 'none'" in path.read_text()
    assert not [name for _, found in page.tags for name in found if name in ("href",)]
    for text in ("Find signs", "First.", "stop sign", "0.72 USD", "The first of 2 images"):
        assert text in page.text


def test_the_preview_names_what_is_wrong(tmp_path):
    page = Page(write_preview(make(reward=0), tmp_path / "p.html").read_text())
    assert "It cannot be sent like this" in page.text


def test_the_image_is_found_in_the_question_of_the_plan():
    assert find_image({}, make().requests[0]) == IMAGE
