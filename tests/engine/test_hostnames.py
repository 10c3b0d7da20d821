"""Option 81: what a client says of its name, and what a server without DNS updates answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.engine.hostnames import answer_fqdn
from dhcpcallout.wire import REGISTRY
from dhcpcallout.wire.types.client import ClientFqdn, FqdnFlags

FQDN = REGISTRY.spec("fqdn")
S, O, E, N = FqdnFlags.S, FqdnFlags.O, FqdnFlags.E, FqdnFlags.N  # noqa: E741 # the RFC's names


def answered(name: str, flags: int = E, *, hostname: bytes | None = None, domain: bytes = b"") -> ClientFqdn | None:
    sent = FQDN.encode(ClientFqdn(FqdnFlags(flags), 0, 0, name))
    answer = answer_fqdn(sent, hostname, domain)
    return None if answer is None else FQDN.decode(answer)


class TestFlags:
    @pytest.mark.parametrize(
        ("sent", "expected"),
        [
            (S, N | O),
            (0, N),
            (N, N),
            (E | S, E | N | O),
            (E, E | N),
            (O | S, N | O),  # a client's O means nothing
        ],
    )
    def test_no_update_is_promised_and_an_override_is_said(self, sent: int, expected: int) -> None:
        answer = answered("host", sent)
        assert answer is not None
        assert answer.flags == expected

    def test_the_response_codes_are_a_servers(self) -> None:  # RFC 4702 section 2.2
        answer = answered("host")
        assert answer is not None
        assert (answer.rcode1, answer.rcode2) == (255, 255)

    def test_flags_that_exclude_each_other_get_no_answer(self) -> None:  # RFC 4702 section 2.1
        assert answered("host", E | S | N) is None


class TestNames:
    @pytest.mark.parametrize(
        ("name", "hostname", "domain", "expected"),
        [
            ("host", None, b"example.com", "host.example.com."),
            ("host", None, b"example.com.", "host.example.com."),
            ("host.lab", None, b"example.com", "host.lab.example.com."),
            ("host.example.org.", None, b"example.com", "host.example.org."),
            ("host", None, b"", "host"),
            ("host", None, b" ", "host"),
            ("host", None, b"example.com corp.example.com", "host.example.com."),
            ("", None, b"example.com", ""),
            ("host", b"printer", b"example.com", "printer.example.com."),
            ("", b"printer", b"example.com", "printer.example.com."),
            ("host", b"printer", b"", "printer"),
            ("host", b"printer.example.org", b"example.com", "printer.example.org."),
        ],
    )
    def test_a_name_is_completed_from_the_domain_name(
        self, name: str, hostname: bytes | None, domain: bytes, expected: str
    ) -> None:
        answer = answered(name, hostname=hostname, domain=domain)
        assert answer is not None
        assert answer.name == expected

    @pytest.mark.parametrize(
        ("name", "hostname", "domain", "expected"),
        [
            ("host", None, b"example.com", "host.example.com"),
            ("host", None, b"example.com.", "host.example.com"),
            ("host.example.org", None, b"example.com", "host.example.org"),
            ("host", None, b"", "host"),
            ("", None, b"example.com", ""),
            ("host", b"printer", b"example.com", "printer.example.com"),
            ("", b"printer.example.org", b"example.com", "printer.example.org"),
        ],
    )
    def test_so_is_one_in_the_encoding_that_windows_sends(
        self, name: str, hostname: bytes | None, domain: bytes, expected: str
    ) -> None:
        answer = answered(name, 0, hostname=hostname, domain=domain)
        assert answer is not None
        assert answer.name == expected

    @pytest.mark.parametrize("flags", [0, E])
    def test_a_name_that_would_become_too_long_stays_as_it_is(self, flags: int) -> None:
        answer = answered("host", flags, domain=b".".join([b"d" * 62] * 4))
        assert answer is not None
        assert answer.name == "host"

    def test_the_longest_name_that_there_can_be_is_completed(self) -> None:
        domain = b".".join([b"d" * 63] * 3)
        answer = answered("h" * 61, domain=domain)
        assert answer is not None
        assert len(answer.name) == 61 + 1 + len(domain) + 1


class TestMalformed:
    @pytest.mark.parametrize("sent", [b"", b"\0", b"\4\0", b"\4\0\0\5host", b"\4\0\0\xc0\1", b"\4\0\0\0\0"])
    def test_what_cannot_be_read_gets_no_answer(self, sent: bytes) -> None:
        assert answer_fqdn(sent, None, b"example.com") is None

    def test_a_reserved_name_that_is_none_of_dns_gets_no_answer(self) -> None:
        assert answer_fqdn(b"\4\0\0\4host", "drücker".encode(), b"") is None

    def test_a_domain_name_that_is_none_of_dns_gets_no_answer(self) -> None:
        assert answer_fqdn(b"\4\0\0\4host", None, b"a..b") is None

    @given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda name: b"\4\0\0" + name))
    def test_whatever_is_sent_the_answer_is_well_formed(self, sent: bytes) -> None:
        answer = answer_fqdn(sent, None, b"example.com")
        if answer is not None:
            assert FQDN.decode(answer).flags & (S | N) == N
