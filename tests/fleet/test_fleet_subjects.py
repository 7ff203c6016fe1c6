"""Which subject has what: names of hosts go through unharmed, and what is none of ours is none."""

from __future__ import annotations

import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from streamscope.fleet.nats_server import Address, FleetError, is_address
from streamscope.fleet.subjects import SUMMARY, EngineName, Sought, read, sought

NAMES = st.builds(
    EngineName,
    st.text(min_size=1, max_size=80).filter(lambda text: text.encode("utf-8", "ignore").decode() == text),
    st.integers(1, 1 << 30),
    st.integers(0, 1 << 44),
    st.integers(1, 9999),
)


@given(NAMES)
@settings(max_examples=examples(200))
def test_a_subject_reads_as_what_it_was_and_is_five_tokens_whatever_the_host_is_called(name: EngineName) -> None:
    subject = name.subject(SUMMARY)

    assert read(subject) == (name, SUMMARY)
    assert subject.count(".") == 5
    assert not any(each in subject for each in " *>\t\r\n")


def test_hosts_have_dots() -> None:
    assert EngineName("web-07.example.org", 41, 5).subject("x") == "streamscope.web-07%2Eexample%2Eorg.41.5.1.x"


@given(st.text(max_size=80))
@settings(max_examples=examples(200))
def test_any_subject_is_read_or_refused(subject: str) -> None:
    read(subject)


@given(NAMES)
@settings(max_examples=examples(100))
def test_an_address_names_what_its_path_says(name: EngineName) -> None:
    found = sought(name.path)

    assert found == Sought(name.host, name.pid, name.loop, name.started_ms)


@pytest.mark.parametrize(
    ("text", "url", "engine"),
    [
        ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222", None),
        ("nats://nats-1", "nats://nats-1:4222", None),
        ("tls://[::1]:4333/", "tls://[::1]:4333", None),
        ("nats://a/web-07/41", "nats://a:4222", Sought("web-07", 41)),
        ("nats://a/web-07/41.2@5", "nats://a:4222", Sought("web-07", 41, 2, 5)),
    ],
)
def test_addresses(text: str, url: str, engine: Sought | None) -> None:
    assert Address.parse(text) == Address(url, engine)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense", "is no address of a NATS server"),
        ("http://a", "is no address of a NATS server"),
        ("nats://", "is no address of a NATS server"),
        ("nats://a:99999", "is no address"),
        ("nats://u:secret@a", "--creds FILE"),
        ("nats://token@a", "--creds FILE"),
        ("nats://a/web-07", "names no engine"),
        ("nats://a/web-07/x", "names no engine"),
    ],
)
def test_what_is_no_address_says_why_and_never_repeats_a_password(text: str, why: str) -> None:
    with pytest.raises(FleetError, match=why) as error:
        Address.parse(text)

    assert "secret" not in str(error.value)


def test_a_pid_or_a_file_is_no_address() -> None:
    assert not any(map(is_address, (None, "41", "x.scope", "/tmp/x", "nats")))
    assert is_address("nats://a/b/1")
