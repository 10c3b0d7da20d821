from dhcpcallout.wire.table import DHCP4, SPACES


def test_no_code_has_two_rows() -> None:
    for rows in SPACES.values():
        codes = [spec.code for spec in rows]
        assert len(codes) == len(set(codes))


def test_rows_stand_in_the_order_of_their_codes() -> None:
    for rows in SPACES.values():
        codes = [spec.code for spec in rows]
        assert codes == sorted(codes)


def test_every_rfc_is_named_as_the_others_are() -> None:
    for spec in SPACES[DHCP4]:
        assert spec.reference.startswith(("RFC ", "IANA ", "iPXE", "Microsoft"))
