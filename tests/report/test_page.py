"""The HTML page: sound, self-contained, everything in it, nothing of a run's taken for markup or a template."""

import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pytest
import yaml
from jinja2 import PackageLoader, UndefinedError
from PIL import Image

from augexp.compare.groups import Group, load_groups
from augexp.compare.judge import Judgement, judge
from augexp.compare.summary import summarize
from augexp.compare.verdicts import Options
from augexp.errors import printable
from augexp.report import figures, page, page_tables, terminal
from augexp.report import profiles as profile_report
from augexp.report.notes import notes
from augexp.report.wording import sentence
from tests.factories import make_evaluation, make_run
from tests.studies import EVIL as EVIL_NAME
from tests.studies import EVIL_SHOWN, evaluated, full_study, judged

VOID = {"meta", "img", "br", "path", "circle", "rect", "use"}
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>&lt;'
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=1>',
    "' onmouseover='alert(1)",
    "</title></style></pre></svg><b>",
    "<!-- &lt;b&gt; <![CDATA[",
    "{{ 7*7 }}",
    "{% raw %}{# #}",
    "\x1b[31m\x07\x9b",
    "\u202eabc\u2066",
]
PACKAGE = Path(page.__file__).parent.parent


class Page(HTMLParser):
    """Tags, text and addresses of a page; fails on a tag that isn't closed.

    Attributes:
        layout: every tag outside of figures, in order, with the names of its attributes.
        drawn: tags within figures, likewise; how many ticks an axis has hangs on the width of the names beside it.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.values: list[str] = []
        self.layout: list[tuple[str, ...]] = []
        self.drawn: set[tuple[str, ...]] = set()
        self.words = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        self.values += [value or "" for name, value in attrs if not name.startswith("xmlns")]
        named = (tag, *(name for name, _ in attrs))
        if "svg" in self.open:
            self.drawn.add(named)
        else:
            self.layout.append(named)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def study(folder: Path, names: tuple[str, ...] = ("none", "cutmix"), seeds: int = 3, **keys: object) -> Judgement:
    paths = []
    for index, name in enumerate(names):
        for seed in range(seeds):
            path = make_run(
                folder / f"{index}-{seed}",
                strategy="none" if index == 0 else "cutmix",
                seed=seed,
                test_accuracy=0.7 + index / 10 + seed / 100,
                overrides=[f"train.learning_rate={0.01 + max(index - 1, 0) / 1024}"],
                **keys,  # type: ignore[arg-type]
            )
            config = (path / "config.yaml").read_text("utf-8")
            lines = [f"name: '{name}'" if line.startswith("name: ") else line for line in config.splitlines()]
            (path / "config.yaml").write_text("\n".join(lines) + "\n", "utf-8")
            paths.append(path)
    return judge(load_groups(paths), Options(allow=("train",)))


@pytest.mark.slow
def test_a_page_holds_verdicts_numbers_and_notes(tmp_path: Path) -> None:
    judgement = study(tmp_path)
    words = " ".join(Page(page.html(judgement)).words.split())
    for verdict in judgement.verdicts:
        assert sentence(verdict) in words
        assert all(cell in words for cell in terminal.contrast_cells(verdict))
    for group in judgement.comparison.groups:
        summary = summarize(group)
        assert f"{100 * summary.test.mean:.2f} ± " in words
    assert all(note in words for note in notes(judgement))
    assert "Accuracy in each class: all" in words
    assert "learning_rate: 0.01" in words  # the configuration, folded away


def test_a_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    judgement = study(tmp_path)
    Image.new("RGB", (2000, 600), "red").save(tmp_path / "0-0" / "batch.png")
    html = page.html(judgement)
    read = Page(html)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(read.tags)
    assert "<script" not in html
    assert not any("//" in value for value in read.values if not value.startswith("data:"))
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in read.addresses)
    assert sum(address.startswith("data:") for address in read.addresses) == 1
    assert not re.findall(r"@import|url\((?!#)", html)


def test_a_page_is_light_dark_and_printable(tmp_path: Path) -> None:
    html = page.html(study(tmp_path))
    assert f"<style>\n{resources.files('augexp.report').joinpath('page.css').read_text('utf-8')}</style>" in html
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert 'name="viewport"' in html


def test_names_are_text_whatever_they_hold(tmp_path: Path) -> None:
    judgement = study(
        tmp_path,
        ("none", EVIL, "犬と猫 مرحبا"),
        environment={"class_names": [EVIL] * 4, "device": EVIL, "backend": EVIL},
    )
    read = Page(page.html(judgement))
    assert not {"script", "x"} & set(read.tags)
    assert "img" not in read.tags
    assert not any(name.startswith("on") for names in {*read.layout, *read.drawn} for name in names)
    assert EVIL in read.words
    assert "犬と猫 مرحبا" in read.words


def told(folder: Path, word: str) -> Judgement:
    """A comparison in which all that a user, or whoever made a run folder, may name is called `word`."""
    paths = [folder / word / strategy for strategy in ("none", "cutmix")]
    for index, path in enumerate(paths):
        environment = {"class_names": [word] * 4, "device": word, "backend": word}
        make_run(path, strategy=path.name, test_accuracy=0.7 + index / 10, environment=environment)
        make_evaluation(
            path,
            {"ece": 0.1, f"tta_{word}_gain": 0.01 * index},
            split={"corruptions": {"severities": [1, 5], "accuracy": {word: [0.7, 0.5]}}},
            floors={word: 0.5, "linear_probe": 0.7},
        )
        config = yaml.safe_load((path / "config.yaml").read_text("utf-8"))
        config["name"] = f"{word} {path.name}"
        config["data"]["source"] = f"folder:/data/{word}"
        (path / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
        Image.new("RGB", (30, 20), "red").save(path / "batch.png")
    judgement = judge(load_groups([*paths, folder / word]))
    # The page shows the files as they are, and YAML can't hold every word.
    for path in paths:
        for name in ("config.yaml", "environment.json"):
            (path / name).write_text(f"# {word} in {name}", "utf-8")
    return judgement


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """A page that calls all things `word`."""
    return Page(page.html(told(tmp_path_factory.mktemp("harmless"), "word")))


@pytest.mark.slow
@pytest.mark.parametrize("word", ["word", *HOSTILE])
def test_every_word_of_a_users_is_text(harmless: Page, tmp_path: Path, word: str) -> None:
    html = page.html(told(tmp_path, word))
    read, shown = Page(html), printable(word)
    assert read.layout == harmless.layout
    assert read.drawn == harmless.drawn
    for text in (
        f"Augmentations compared on {shown.rpartition('/')[2]}",
        f"{shown} cutmix against {shown} none: ",
        f"Differences to {shown} none",
        f"minutes of training a run ({shown})",
        f"panel gain by {shown}",
        f"{shown} taken for {shown}",
        f"skipped {printable(str(tmp_path))}/{shown}: ",
        f"{shown} none: {printable(str(tmp_path))}/{shown}/none",
        f"# {shown} in config.yaml",
        f"# {shown} in environment.json",
    ):
        assert text in read.words
    assert f"first training batch of {shown} cutmix" in read.values
    assert "\n".join(map(printable, html.split("\n"))) == html


def test_ids_are_used_once(tmp_path: Path) -> None:
    ids = re.findall(r'\bid="([^"]*)"', page.html(study(tmp_path)))
    assert len(ids) == len(set(ids)) > 0


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 2])
def test_small_comparisons_make_a_page_too(tmp_path: Path, seeds: int) -> None:
    one = Page(page.html(study(tmp_path / "one", ("none",), seeds)))
    assert "one group: nothing to compare it with" in one.words
    assert "Is the difference real?" not in one.words
    two = Page(page.html(study(tmp_path / "two", seeds=seeds)))
    assert "Is the difference real?" in two.words


def test_without_predictions_the_classes_are_left_out(tmp_path: Path) -> None:
    judgement = study(tmp_path)
    for run in (run for group in judgement.comparison.groups for run in group.runs):
        (run.path / "predictions-test.npz").unlink()
    words = Page(page.html(judge(judgement.comparison))).words
    assert "Class by class" not in words
    assert "predictions-test.npz is missing" in words


def test_a_picture_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    judgement = study(tmp_path)
    (tmp_path / "0-0" / "batch.png").write_bytes(b"no picture")
    assert "What each network saw" not in Page(page.html(judgement)).words


# --- profiles ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_page_holds_every_metric_and_number(tmp_path: Path) -> None:
    judgement, measured = judged(full_study(tmp_path))
    html = page.html(judgement)
    words = " ".join(Page(html).words.split())
    assert words.index("Differences to none") < words.index("What each strategy gained and lost")
    for line in profile_report.summaries(measured):
        assert line in words
    for profile in measured.families:
        assert profile.family[1:] in words
        for metric in profile.metrics:
            for row in profile_report.rows(measured, profile, metric):
                assert all(cell in words for cell in profile_report.cells(metric, row))
    assert html.count("<svg") >= len(measured.responses) + sum(len(one.findings) for one in measured.families)
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_names_in_profiles_are_text(tmp_path: Path) -> None:
    judgement, _ = judged(full_study(tmp_path, ("none", EVIL_NAME)))
    read, harmless = Page(page.html(judgement)), Page(page.html(judged(full_study(tmp_path / "harmless"))[0]))
    assert f"{EVIL_SHOWN} against none" in read.words
    assert "\x1b" not in read.words
    assert read.layout == harmless.layout


def test_without_evaluations_the_page_has_no_profiles(tmp_path: Path) -> None:
    paths = full_study(tmp_path)
    for path in paths:
        (path / "evaluation.json").unlink()
    judgement, _ = judged(paths)
    words = Page(page.html(judgement)).words
    assert "What each strategy gained" not in words
    assert "Accuracy as images get worse" not in words
    assert "Calibration" not in words


# --- templates -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_template_is_given_what_it_says_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_tables, "MOST_CLASSES", 1)
    judgement, _ = judged(full_study(tmp_path))
    known = page.content(judgement, "epochs")
    template = page.environment().get_template("page.html.jinja")
    words = Page(template.render(known)).words
    assert "Accuracy in each class: the 1 largest gains and losses of 4" in words
    assert "all 4 classes" in words
    for name in known:
        with pytest.raises(UndefinedError, match=f"'{name}' is undefined"):
            template.render({key: value for key, value in known.items() if key != name})


def test_what_a_template_says_is_printable_text_unless_it_is_a_figure(tmp_path: Path) -> None:
    template = page.environment().from_string('<i title="{{ said }}">{{ said }}</i>{{ none }}{{ number }}{{ drawn }}')
    drawn = figures.svg(figures.seeds(study(tmp_path, ("none",), 1).comparison.groups), "seeds")
    html = template.render(said='<b>\x1b" {{ 1 }}', none=None, number=0.05, drawn=drawn)
    said = r"&lt;b&gt;\x1b&#34; {{ 1 }}"
    assert html == f'<i title="{said}">{said}</i>None0.05{drawn}'


def test_only_figures_are_declared_markup() -> None:
    sources = {path: path.read_text("utf-8") for path in PACKAGE.rglob("*") if path.suffix in (".py", ".jinja")}
    assert [path.name for path, text in sources.items() for _ in re.findall(r"\bMarkup\(", text)] == ["figures.py"]
    templates = {path.name: text for path, text in sources.items() if path.suffix == ".jinja"}
    assert sorted(templates) == ["audit.html.jinja", "macros.html.jinja", "page.html.jinja"]
    for text in templates.values():
        # `~` joins escaped and plain text, so that it is escaped before it is made printable.
        assert not re.search(r"\|\s*safe\b|forceescape|autoescape|~", text)


def test_templates_are_data_of_the_package() -> None:
    environment = page.environment()
    assert isinstance(environment.loader, PackageLoader)
    found = {path.name for path in resources.files("augexp.report").iterdir()}
    assert set(environment.list_templates(["jinja", "css"])) == {
        *("audit.css", "audit.html.jinja", "macros.html.jinja", "page.css", "page.html.jinja"),
    }
    assert set(environment.list_templates(["jinja", "css"])) <= found


def test_every_marker_has_a_shape_in_the_legend() -> None:
    template = page.environment().from_string('{% from "macros.html.jinja" import legend %}{{ legend(marks) }}')
    marks = figures.marks([Group(f"group {index}", ()) for index in range(10)])
    shapes = re.findall(r"/>(<(?:path|circle|rect) [^>]*/>)</svg>group \d", template.render(marks=marks))
    assert len(set(shapes)) == 10


def test_metrics_that_differ_in_a_digit_have_ids_of_their_own(tmp_path: Path) -> None:
    gains = {f"tta_rotate x{draws}_gain": (0.01, 0.02, 0.03) for draws in (4, 8)}
    judgement, _ = judged(evaluated(tmp_path, {"none": gains, "cutmix": gains}))
    ids = re.findall(r'\bid="([^"]*)"', page.html(judgement))
    assert len(ids) == len(set(ids))
