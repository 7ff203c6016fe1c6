"""The language's names are those of the catalogue and of the state, all of them, and what they find is right."""

from __future__ import annotations

from pathlib import Path

import msgspec

from streamscope.core.flags import FLAG_NAMES, POLL_NAMES, REQUEST_NAMES, TYPE_NAMES
from streamscope.core.probe import CALLBACK_NAMES, FUNCTIONS, KINDS
from streamscope.observe import aio_kinds
from streamscope.observe.aio_words import words
from streamscope.trace.catalogue import DOMAINS
from streamscope.trace.filter import Filter, complete, help_text
from streamscope.trace.filter.filter_language import Language
from streamscope.trace.filter.guide import EXAMPLES, examples, markdown
from streamscope.trace.filter.names import NAMED, ORDERED, PREDICATES
from streamscope.trace.filter.parser import COMPARISONS, KEYWORDS
from streamscope.trace.filter.values import SETS, WHAT
from streamscope.trace.state import RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import Words

HERE = Language.of(Vocabulary.here())
ASYNCIO = Vocabulary(
    [(each.name, tuple(name for name, _ in each.args)) for each in aio_kinds.KINDS],
    aio_kinds.FUNCTIONS,
    [(joined.name, list(joined.args), list(joined.steps)) for joined in aio_kinds.JOINED],
    msgspec.convert(words(), Words),
)
NAMES, VALUES, TEXTS = HERE.names, HERE.values.names, HERE.values.texts

OTHERWISE = {"number": "stream", "closing": "closing_list", "armed_t": "armed_age", "above_t": "above_age"}
"""Fields of a stream that bear another name in the language."""


def test_every_field_of_a_stream_has_a_name() -> None:
    of_asyncio = Language.of(ASYNCIO)
    for field in set(StreamState.__struct_fields__) - {"kernel"}:  # many values, each with a name of its own
        name = NAMES[OTHERWISE.get(field, field)]
        assert name.of_state is not None, field
        assert name in HERE.stream_names or of_asyncio.names[field] in of_asyncio.stream_names


def test_every_argument_of_the_catalogue_has_a_name_of_its_domain() -> None:
    for kind in KINDS:
        for arg in kind.args:
            name = NAMES[arg.name]
            assert name.domain in (arg.domain, "any", "result"), (kind.name, arg.name)
            assert name.of_event is not None
            if arg.name not in ("t", "turn"):
                assert kind.name in name.kinds


def test_names_are_words_and_no_keywords() -> None:
    reserved = {*KEYWORDS, *COMPARISONS}
    for name in NAMES:
        assert name.isidentifier()
        assert name == name.lower()
        assert name not in reserved
        assert name not in set(TYPE_NAMES.values())
        assert name.upper() not in FLAG_NAMES.values()


def test_every_domain_is_known_everywhere() -> None:
    assert set(DOMAINS) <= set(WHAT)
    for name in NAMES.values():
        assert name.domain in ORDERED | SETS | NAMED | {"text", "any", "bool"}
        assert name.domain in WHAT
    for domain, _, _ in PREDICATES.values():
        assert domain in VALUES


def test_values_are_the_lists_that_the_engine_has() -> None:
    assert set(VALUES["flag"].values()) == set(FLAG_NAMES)
    assert set(VALUES["type"].values()) == set(TYPE_NAMES)
    assert set(VALUES["request"].values()) == set(REQUEST_NAMES)
    assert set(VALUES["mask"].values()) == set(POLL_NAMES)
    assert set(VALUES["callback"]) == set(CALLBACK_NAMES)
    assert set(TEXTS["kind"]) == {kind.name for kind in KINDS}
    assert set(TEXTS["function"]) == set(FUNCTIONS)


def test_every_kind_every_function_and_every_flag_can_be_asked_for() -> None:
    for kind in KINDS:
        assert Filter.parse(f"kind == {kind.name}", Vocabulary.here()).kinds == {kind.name}
        for function in kind.functions:
            assert Filter.parse(f"fn == {function}", Vocabulary.here()).functions == {function}
    for bit, flag in FLAG_NAMES.items():
        assert Filter.parse(flag, Vocabulary.here()).of_stream(StreamState(1, flags=bit), 0)
        assert not Filter.parse(flag, Vocabulary.here()).of_stream(StreamState(1, flags=~bit), 0)


def test_fields_of_requests_are_fields_of_requests() -> None:
    for name in NAMES.values():
        assert not name.of_request or name.of_request in RequestState.__struct_fields__


def test_examples_and_the_document_are_of_this_language() -> None:
    assert examples(HERE) == list(EXAMPLES)
    for text, _ in EXAMPLES:
        Filter.parse(text, Vocabulary.here())
        assert text in help_text(Vocabulary.here())
    for name in (*HERE.stream_names, *HERE.event_names):
        assert f"`{name.name}`" in markdown()
    assert Path("docs/filter.md").read_text("utf-8") == markdown()


def offers(text: str, *, for_streams: bool = False) -> list[str]:
    return [offer.text for offer in complete(text, len(text), Vocabulary.here(), for_streams=for_streams)]


def test_completion_offers_what_can_stand_there() -> None:
    assert offers("flag==RE")[:3] == ["REF", "READ_PARTIAL", "READ_EOF"]
    assert offers("kind==epoll.") == ["epoll.add", "epoll.del", "epoll.event", "epoll.mod", "epoll.wait"]
    assert "uv__write_req_finish" in offers("fn == uv__wri")
    assert offers("wq > 64") == ["64B", "64KiB", "64MiB", "64GiB"]
    assert offers("queue_age > 5m") == ["5ms"]
    assert "high_water" in offers("wq > ")
    assert offers("peer ") == ["==", "!=", "~", "!~"]
    assert offers("pevents ")[0] == "has"
    assert offers("pevents has O") == ["OUT"]
    assert offers("mask == IN|")[:2] == ["IN", "OUT"]
    assert "READING" in offers("flag(")
    assert offers("status == ECONN") == ["ECONNRESET"]
    assert offers("wq > 5 ")[:2] == ["and", "or"]
    assert offers("(tcp)")[:2] == ["and", "or"]
    assert "queue_age" in offers("not q")
    assert "epoll.mod" not in offers("")
    assert offers('name == "fl') == []


def test_completion_for_a_list_of_streams_leaves_events_out() -> None:
    assert "kind" in offers("ki")
    assert "kind" not in offers("ki", for_streams=True)
    assert "wq" in offers("", for_streams=True)


def test_a_completion_in_the_middle_replaces_the_word_there() -> None:
    text = "flag==REA and tcp"
    offer = next(offer for offer in complete(text, 9, Vocabulary.here()) if offer.text == "READING")
    assert offer.applied(text) == ("flag==READING and tcp", 13)


def test_what_is_offered_is_accepted() -> None:
    for text in ("flag == ", "kind == ", "fn == ", "type == ", "callback == ", "pevents has ", "status == E", "wq > "):
        offered = offers(text)
        assert offered, text
        for offer in offered:
            Filter.parse(text.removesuffix("E") + offer, Vocabulary.here())
