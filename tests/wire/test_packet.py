from ipaddress import IPv4Address
from typing import Any

import pytest

from dhcpcallout.codes import MessageType
from dhcpcallout.errors import EncodeError, UnknownOptionError, WireError
from dhcpcallout.wire import REGISTRY, Packet, check, decode, encode, scan


def parts(data: bytes) -> list[tuple[int, str]]:
    """Each option's code and area, as they stand."""
    return [(option.code, option.area) for option in scan(data).options]


class TestDecode:
    def test_the_header_is_read_field_by_field(self, message: Any) -> None:
        packet = decode(message.data)
        expected = {name: b"" if value is None else value for name, value in message.header.items()}
        assert {name: getattr(packet, name) for name in expected} == expected

    def test_each_option_has_its_whole_value(self, message: Any) -> None:
        assert decode(message.data).options == message.joined

    def test_what_is_wrong_is_listed_and_hides_nothing_else(self, message: Any) -> None:
        assert [(error.code, error.offset) for error in decode(message.data).errors] == message.errors

    def test_strict_raises_the_first_of_what_check_finds(self, message: Any) -> None:
        found = check(message.data)
        if found:
            with pytest.raises(WireError) as caught:
                decode(message.data, strict=True)
            assert str(caught.value) == str(found[0])
        else:
            assert decode(message.data, strict=True) == decode(message.data)

    def test_what_is_no_message_raises_at_its_offset(self, no_message: Any) -> None:
        with pytest.raises(WireError) as caught:
            decode(no_message.data)
        assert caught.value.offset == no_message.expected["fatal_offset"]

    def test_no_truncation_raises_anything_but_a_wire_error(self, vector: Any) -> None:
        for size in range(len(vector.data)):
            data = vector.data[:size]
            try:
                packet = decode(data)
            except WireError:
                assert size < 236 or not vector.is_message
                continue
            assert decode(encode(packet).data) == packet
            if check(data):
                with pytest.raises(WireError):
                    decode(data, strict=True)
            else:
                assert decode(data, strict=True) == packet

    def test_any_bytes_like_object_is_read_and_none_is_kept(self) -> None:
        data = bytearray(encode(Packet(options={53: b"\1", 12: b"host"})).data)
        packet, viewed = decode(data), decode(memoryview(data))
        data[240:] = bytes(len(data) - 240)
        assert packet.options == viewed.options == {53: b"\1", 12: b"host"}

    def test_64_kib_of_the_smallest_options_are_joined(self) -> None:
        data = encode(Packet(), min_size=0).data[:240]
        count = (65_507 - 241) // 3
        packet = decode(data + b"\x0c\x01a" * count + b"\xff")
        assert packet.options == {12: b"a" * count}
        assert not packet.errors


class TestCheck:
    def test_it_finds_framing_errors_first_then_malformed_values(self, message: Any) -> None:
        errors = check(message.data)
        framing = len(message.errors)
        assert [(error.code, error.offset) for error in errors[:framing]] == message.errors
        assert [error.code for error in errors[framing:]] == message.expected.get("value_errors", [])

    def test_a_malformed_value_is_placed_in_the_message(self) -> None:
        data = encode(Packet(options={53: b"\1", 3: bytes(6)})).data
        (error,) = check(data)
        assert error.code == 3
        assert 245 <= error.offset <= 251

    def test_a_malformed_value_is_placed_in_the_part_where_it_stands(self) -> None:
        data = encode(Packet(), min_size=0).data[:240] + b"\x03\x04\0\0\0\1\x0c\1h\x03\x02\0\0\xff"
        (error,) = check(data)
        assert error.code == 3
        assert 251 <= error.offset <= 253

    def test_what_is_no_message_raises(self, no_message: Any) -> None:
        with pytest.raises(WireError):
            check(no_message.data)


class TestEncode:
    def test_a_vector_comes_out_byte_by_byte(self, encodable: Any) -> None:
        arguments = dict(encodable.expected["encode"])
        arguments["order"] = bytes.fromhex(arguments.get("order", ""))
        assert encode(decode(encodable.data), **arguments) == (encodable.data, ())

    def test_the_message_type_is_first_and_option_82_last(self) -> None:
        packet = Packet(options={82: b"\1\1a", 12: b"h", 53: b"\5", 54: bytes(4)})
        assert [code for code, _ in parts(encode(packet).data)] == [53, 12, 54, 82]
        assert [code for code, _ in parts(encode(packet, order=bytes((82, 54, 53, 12, 54))).data)] == [53, 54, 12, 82]

    def test_options_follow_the_request_list_then_the_packet(self) -> None:
        packet = Packet(options={53: b"\5", 51: bytes(4), 6: bytes(4), 15: b"d", 42: bytes(4), 1: bytes(4)})
        order = bytes((0, 255, 99, 1, 15, 6, 15))
        assert [code for code, _ in parts(encode(packet, order=order).data)] == [53, 1, 15, 6, 51, 42]
        assert [code for code, _ in parts(packet.encode(order=[42]))] == [53, 42, 51, 6, 15, 1]

    @pytest.mark.parametrize("order", [b"", b"\x03", b"\x03\x01", b"\x06\x03\x01", b"\x0c\x03"])
    def test_the_subnet_mask_comes_before_the_routers_whatever_the_list_says(self, order: bytes) -> None:
        packet = Packet(options={53: b"\5", 3: bytes(4), 6: bytes(4), 1: bytes(4)})
        codes = [code for code, _ in parts(encode(packet, order=order).data)]
        assert codes.index(1) + 1 == codes.index(3)
        assert sorted(codes) == [1, 3, 6, 53]

    def test_a_message_has_300_bytes_at_least(self) -> None:
        assert len(encode(Packet()).data) == 300
        assert len(encode(Packet(), min_size=548).data) == 548
        assert len(encode(Packet(), min_size=0).data) == 241
        assert len(encode(Packet(), max_size=260).data) == 260

    def test_nothing_is_overloaded_while_there_is_room(self) -> None:
        packet = Packet(options={53: b"\5", 43: bytes(52)})
        exact = encode(packet, min_size=0).data
        assert encode(packet, min_size=0, max_size=len(exact)) == (exact, ())
        assert (52, "options") in parts(encode(packet, max_size=len(exact) - 1).data)

    def test_a_field_in_use_is_not_overloaded(self) -> None:
        packet = Packet(sname=b"name", file=b"file", options={53: b"\5", 43: bytes(100)})
        encoded = encode(packet, max_size=300)
        assert encoded.omitted == (43,)
        decoded = decode(encoded.data)
        assert (decoded.sname, decoded.file, decoded.options) == (b"name", b"file", {53: b"\5"})

    def test_no_field_is_overloaded_where_that_is_not_allowed(self) -> None:
        packet = Packet(options={53: b"\5", 43: bytes(100), 12: b"host"})
        encoded = encode(packet, max_size=300, overload=False)
        assert encoded.omitted == (43,)
        assert parts(encoded.data) == [(53, "options"), (12, "options")]
        assert packet.encode(max_size=300, overload=False) == encoded.data

    def test_one_field_is_overloaded_where_one_will_do(self) -> None:
        packet = Packet(options={53: b"\5", 43: bytes(100)})
        assert parts(encode(packet, max_size=300).data) == [(53, "options"), (52, "options"), (43, "file")]

    def test_what_does_not_fit_is_omitted_from_the_end_of_the_order(self) -> None:
        packet = Packet(options={82: b"\1\1c", 12: bytes(200), 15: bytes(180), 6: bytes(40), 53: b"\5", 54: bytes(4)})
        encoded = encode(packet, order=bytes((6, 12, 15)), max_size=548)
        assert encoded.omitted == ()
        encoded = encode(packet, order=bytes((6, 12, 15)), max_size=360)
        assert encoded.omitted == (15,)
        assert decode(encoded.data).options.keys() == {53, 52, 54, 6, 12, 82}
        assert len(encoded.data) <= 360

    def test_a_smaller_option_after_an_omitted_one_still_gets_its_place(self) -> None:
        packet = Packet(sname=b"s", file=b"f", options={53: b"\5", 43: bytes(200), 12: b"host"})
        encoded = encode(packet, max_size=300)
        assert encoded.omitted == (43,)
        assert decode(encoded.data).options == {53: b"\5", 12: b"host"}

    def test_what_makes_the_message_valid_is_kept_longest(self) -> None:
        asked = {code: bytes(20) for code in (1, 3, 6, 15, 28, 42)}
        needed = {53: b"\5", 54: bytes(4), 51: bytes(4), 61: bytes(7), 82: b"\1\4port"}
        packet = Packet(sname=b"s", file=b"f", options=asked | needed)
        encoded = encode(packet, order=bytes(asked), max_size=300)
        kept = decode(encoded.data).options
        assert needed.items() <= kept.items()
        assert encoded.omitted == (3, 6, 15, 28, 42)

    def test_option_82_stays_in_the_options_field_or_is_left_out(self) -> None:
        packet = Packet(options={53: b"\5", 82: bytes(100)})
        assert encode(packet, max_size=300).omitted == (82,)
        fits = encode(packet, max_size=346)
        assert fits.omitted == ()
        assert parts(fits.data) == [(53, "options"), (82, "options")]

    @pytest.mark.parametrize(("sname", "file"), [(b"", b""), (b"name", b""), (b"", b"file"), (b"name", b"file")])
    def test_an_overload_that_would_cost_option_82_its_place_is_not_made(self, sname: bytes, file: bytes) -> None:
        packet = Packet(sname=sname, file=file, options={53: b"\5", 82: bytes(100), 12: b"host"})
        encoded = encode(packet, max_size=346)
        assert encoded.omitted == (12,)
        assert parts(encoded.data) == [(53, "options"), (82, "options")]

    def test_a_long_option_is_split_into_full_parts(self) -> None:
        packet = Packet(options={53: b"\1", 43: bytes(range(256)) * 3})
        data = encode(packet).data
        assert [len(option.data) for option in scan(data).options] == [1, 255, 255, 255, 3]
        assert decode(data) == packet

    def test_a_long_option_is_split_over_the_overloaded_fields(self) -> None:
        packet = Packet(options={53: b"\1", 43: bytes(range(256)) + bytes(100)})
        encoded = encode(packet, max_size=548)
        assert encoded.omitted == ()
        assert {area for code, area in parts(encoded.data) if code == 43} == {"options", "file"}
        assert decode(encoded.data) == packet

    def test_an_empty_value_needs_two_bytes_all_the_same(self) -> None:
        packet = Packet(sname=b"s", file=b"f", options={53: b"\1", 80: b""})
        assert encode(packet, max_size=246).omitted == ()
        assert encode(packet, max_size=245).omitted == (80,)

    def test_option_52_of_the_packet_is_the_encoders_to_make(self) -> None:
        packet = Packet(file=b"kernel", options={53: b"\1", 52: b"\1"})
        decoded = decode(encode(packet).data)
        assert (decoded.file, decoded.options) == (b"kernel", {53: b"\1"})
        assert decoded == packet

    def test_a_room_that_holds_nothing_holds_the_end_option(self) -> None:
        packet = Packet(options={53: b"\1"})
        for size in range(241, 244):
            encoded = encode(packet, max_size=size)
            assert encoded.omitted == (53,)
            assert len(encoded.data) == size
            assert decode(encoded.data, strict=True).options.keys() <= {52}
        with pytest.raises(EncodeError, match="241"):
            encode(packet, max_size=240)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("op", 256),
            ("htype", -1),
            ("hops", 1 << 8),
            ("xid", 1 << 32),
            ("secs", 1 << 16),
            ("flags", -1),
            ("ciaddr_int", 1 << 32),
            ("giaddr_int", None),
            ("chaddr", bytes(17)),
            ("sname", bytes(65)),
            ("file", bytes(129)),
            ("file", [1, 2]),
            ("options", {0: b""}),
            ("options", {255: b""}),
            ("options", {256: b""}),
            ("options", {12: "text"}),
            ("options", {12: None}),
        ],
    )
    def test_a_value_that_does_not_fit_its_field_raises(self, field: str, value: object) -> None:
        packet = Packet()
        setattr(packet, field, value)
        with pytest.raises(EncodeError) as caught:
            encode(packet)
        assert field in str(caught.value) or "option" in str(caught.value)


class TestOptions:
    @pytest.fixture
    def packet(self) -> Packet:
        return Packet(options={53: b"\3", 50: bytes((10, 0, 0, 9)), 12: b"laptop", 51: bytes(3), 224: b"\1\2"})

    def test_an_option_is_found_by_code_and_by_name(self, packet: Packet) -> None:
        assert packet.raw(12) == packet.raw("host-name") == b"laptop"
        assert packet.get(50) == packet.get("dhcp-requested-address") == IPv4Address("10.0.0.9")
        option = packet.option("host-name")
        assert option is not None
        assert (option.code, option.name, option.data, option.value, option.text) == (
            (12, "host-name", b"laptop", "laptop", "laptop")
        )

    def test_absent_is_none_everywhere(self, packet: Packet) -> None:
        absent: list[object] = [packet.raw(54), packet.get(54), packet.option(54), packet.server_identifier]
        assert absent == [None] * 4

    def test_malformed_raises_with_its_code_and_offset_and_its_bytes_stay_at_hand(self, packet: Packet) -> None:
        for read in (lambda: packet.get(51), lambda: packet.lease_time_s):
            with pytest.raises(WireError) as caught:
                read()
            assert caught.value.code == 51
            assert 0 <= caught.value.offset <= 3
        option = packet.option(51)
        assert option is not None
        assert packet.raw(51) == option.data == bytes(3)

    def test_a_code_that_nobody_assigned_has_bytes_for_its_value(self, packet: Packet) -> None:
        assert packet.get(224) == b"\1\2"

    def test_an_unknown_name_raises(self, packet: Packet) -> None:
        for method in (packet.raw, packet.get, packet.option):
            with pytest.raises(UnknownOptionError, match="hostnam"):
                method("hostnam")

    def test_a_typed_value_is_set_and_taken_out(self, packet: Packet) -> None:
        packet.set("dhcp-lease-time", 3600)
        packet.set(3, ["10.0.0.1", "10.0.0.2"])
        assert packet.options[51] == b"\0\0\x0e\x10"
        assert packet.options[3] == bytes((10, 0, 0, 1, 10, 0, 0, 2))
        packet.set("routers", None)
        packet.set(99, None)
        assert 3 not in packet.options
        with pytest.raises(EncodeError) as caught:
            packet.set(51, -1)
        assert caught.value.code == 51

    def test_common_options_are_attributes(self, packet: Packet) -> None:
        assert packet.requested_address == IPv4Address("10.0.0.9")
        assert packet.hostname == "laptop"
        packet.server_identifier = "10.0.0.1"
        packet.parameter_request_list = [1, 3]
        packet.lease_time_s = 60
        packet.hostname = None
        assert (packet.options[54], packet.options[55], packet.options[51]) == (b"\n\0\0\1", b"\1\3", b"\0\0\0<")
        assert 12 not in packet.options

    @pytest.mark.parametrize(
        ("attribute", "code"),
        [
            ("subnet_mask", 1),
            ("routers", 3),
            ("domain_name_servers", 6),
            ("hostname", 12),
            ("domain_name", 15),
            ("requested_address", 50),
            ("lease_time_s", 51),
            ("renewal_time_s", 58),
            ("rebinding_time_s", 59),
            ("server_identifier", 54),
            ("parameter_request_list", 55),
            ("message", 56),
            ("max_message_size", 57),
            ("vendor_class", 60),
            ("user_class", 77),
            ("client_identifier", 61),
            ("client_fqdn", 81),
            ("relay_information", 82),
        ],
    )
    def test_an_attribute_reads_its_own_option(self, attribute: str, code: int) -> None:
        packet = Packet(options={code: {57: b"\1\2", 77: b"\3abc", 81: b"\0\0\0host"}.get(code, b"\1\2\3\4")})
        assert getattr(packet, attribute) == packet.get(code) is not None
        packet.options = {other: b"\1\2\3\4" for other in range(1, 255) if other != code}
        assert getattr(packet, attribute) is None

    def test_a_users_own_option_has_its_name_and_type(self) -> None:
        registry = REGISTRY.define(224, "door", "uint16")
        packet = Packet(registry=registry)
        packet.set("door", 258)
        assert packet.options == {224: b"\1\2"}
        data = encode(packet).data
        assert decode(data, registry=registry).get("door") == 258
        assert decode(data).get(224) == b"\1\2"
        packet.options[224] = b"\1"
        with pytest.raises(WireError):
            decode(encode(packet).data, strict=True, registry=registry)


class TestPacket:
    def test_without_arguments_it_is_an_empty_request_over_ethernet(self) -> None:
        data = encode(Packet(), min_size=0).data
        assert data == b"\1\1" + bytes(234) + b"\x63\x82\x53\x63\xff"

    def test_its_arguments_are_its_attributes(self) -> None:
        header = {"op": 2, "htype": 6, "hops": 3, "xid": 4, "secs": 5, "flags": 7}
        addresses = {"ciaddr": 8, "yiaddr": 9, "siaddr": 10, "giaddr": 11}
        texts = {"chaddr": b"a", "sname": b"b", "file": b"c"}
        packet = Packet(**header, **addresses, **texts)  # type: ignore[arg-type]
        assert {name: getattr(packet, name) for name in header} == header
        assert {name: getattr(packet, f"{name}_int") for name in addresses} == addresses
        assert {name: getattr(packet, name) for name in texts} == texts

    def test_it_is_equal_by_what_it_says(self) -> None:
        packet = Packet(xid=1, chaddr=b"\2abcde", options={53: b"\1", 12: b"a"})
        assert packet == Packet(xid=1, chaddr=b"\2abcde", options={12: b"a", 53: b"\1", 52: b"\3"})
        assert packet != Packet(xid=1, chaddr=b"\2abcde", options={53: b"\1", 12: b"b"})
        assert packet != "a packet"

    @pytest.mark.parametrize(
        "field",
        ["op", "htype", "hops", "xid", "secs", "flags", "ciaddr_int", "yiaddr_int", "siaddr_int", "giaddr_int"],
    )
    def test_no_number_of_the_header_is_left_out_of_equality(self, field: str) -> None:
        packet = Packet()
        setattr(packet, field, 77)
        assert packet != Packet()

    @pytest.mark.parametrize("field", ["chaddr", "sname", "file"])
    def test_no_bytes_of_the_header_are_left_out_of_equality(self, field: str) -> None:
        packet = Packet()
        setattr(packet, field, b"x")
        assert packet != Packet()

    def test_addresses_are_integers_inside_and_addresses_outside(self) -> None:
        packet = Packet(ciaddr="10.0.0.1", yiaddr=0x0A000002, siaddr=IPv4Address("10.0.0.3"))
        assert (packet.ciaddr_int, packet.yiaddr_int, packet.siaddr_int) == (0x0A000001, 0x0A000002, 0x0A000003)
        packet.giaddr = "10.0.0.4"
        assert packet.giaddr == IPv4Address("10.0.0.4")
        assert packet.giaddr_int == 0x0A000004
        with pytest.raises(ValueError, match=r"10\.0\.0"):
            packet.ciaddr = "10.0.0"

    def test_hlen_follows_chaddr(self) -> None:
        packet = Packet(chaddr=bytes(6))
        packet.chaddr = bytes(8)
        assert packet.hlen == 8
        assert encode(packet).data[2] == 8

    def test_the_options_of_a_packet_are_its_own(self) -> None:
        options = {53: b"\1"}
        packet = Packet(options=options)
        packet.options[12] = b"host"
        assert options == {53: b"\1"}

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(b"\1", MessageType.DISCOVER), (b"\x12", MessageType.TLS), (b"\0", None), (b"\xff", None), (b"\1\1", None)],
    )
    def test_the_message_type_is_none_where_it_is_no_known_one(
        self, value: bytes, expected: MessageType | None
    ) -> None:
        assert Packet(options={53: value}).message_type is expected
        assert Packet().message_type is None

    def test_its_repr_tells_what_one_looks_for_in_a_log(self) -> None:
        packet = Packet(xid=0x3903F326, chaddr=b"\x00\x0b\x82\x01\xfc\x42", giaddr="10.0.0.1", options={53: b"\1"})
        assert repr(packet) == "<Packet DISCOVER xid=0x3903f326 chaddr=00:0b:82:01:fc:42 giaddr=10.0.0.1 options=53>"
        assert repr(Packet(op=2)) == "<Packet op 2 xid=0x00000000 chaddr= options=>"
