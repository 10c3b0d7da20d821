import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.config import Settings, load_config, parse_config
from dhcpcallout.config.schema import (
    CalloutsTable,
    Document,
    IsolationTable,
    ScopeTable,
    Table,
    as_key,
    as_toml,
    fields,
    table_of,
)
from dhcpcallout.control.address import HAS_UNIX_SOCKETS, control_path
from dhcpcallout.engine import ClientClass, Pool, Reservation, Scope, SharedNetwork, Subnet
from dhcpcallout.errors import ConfigError, Problem
from dhcpcallout.loaders import Isolation, Registry
from dhcpcallout.wire import REGISTRY

DATA = Path(__file__).parents[1] / "data" / "config"
LEAST = '[server]\nlisten = ["127.0.0.1:6767"]\n\n[[subnet]]\nnetwork = "10.0.0.0/8"\n'


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse_config(text, base_directory="/etc/dhcp")
    return str(raised.value).splitlines()


EVERYTHING = DATA / "good" / "everything.toml"
EXPORTED = DATA / "good" / "exported.toml"
KEY = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\DHCPServer\Parameters"
ISOLATION = Isolation(
    "process",
    timeout_ms=100,
    on_failure="drop",
    max_failures=10,
    worker_command=["/opt/python32/bin/python3", "-X", "dev"],
    memory_mib=512,
    cpu_s=3600,
    open_files=64,
    no_new_files=True,
    no_new_processes=True,
    user="dhcp-callouts",
    environment={"AUDIT_DB": "/var/lib/dhcp/audit.db"},
    start_timeout_s=30,
)
"""What it says of the callouts of which it says nothing else."""


def test_every_key_gets_to_the_settings() -> None:
    settings = load_config(EVERYTHING)
    is_even = sys.modules["site_classes"].is_even
    doors = settings.registry.spec("badge-doors")
    assert (doors.code, doors.encode([[1, "10.0.0.77"]])) == (224, b"\1\x0a\0\0\x4d")
    assert settings.registry.space("door").spec("label").code == 1
    assert settings == Settings(
        file=str(EVERYTHING),
        base_directory=EVERYTHING.parent,
        interfaces=("eth1",),
        listen=(("127.0.0.1", 6767), ("10.0.0.1", 67)),
        authoritative=True,
        offer_time_s=60,
        decline_time_s=3600,
        leasequery_relays=("10.0.0.2", "192.0.2.0/25"),
        max_parked=64,
        parked_timeout_s=1.0,
        on_timeout="continue",
        store=f"sqlite:{EVERYTHING.parent / 'var' / 'leases.db'}",
        control=EVERYTHING.parent / "var" / "control",
        callouts=Registry(
            ("python:policy", "/opt/callouts/audit.so"),
            1,
            "all",
            allow_sha256=("9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",),
            path_map={"C:\\Callouts": "/opt/callouts", "C:\\policy.dll": "python:policy"},
            isolation=ISOLATION,
            isolations={"python:policy": replace(ISOLATION, mode="none", no_new_files=False, user=65534)},
        ),
        networks=(
            Subnet(
                network="10.0.0.0/8",
                pools=(
                    "10.1.0.0-10.200.255.254",
                    Pool(range="10.201.0.0/16", classes=("telephones", "even"), next_server="10.0.0.6"),
                ),
                exclude=("10.1.0.1",),
                lease_time_s=4000,
                options={"routers": ["10.0.0.1"]},
                interface="eth1",
                relays=("192.0.2.129",),
                classes=("ALL",),
                match_client_id=False,
                rapid_commit=True,
                bootp=True,
                reservations=(
                    Reservation(
                        hardware_address="00:0c:01:02:03:04",
                        hardware_type=6,
                        address="10.0.0.9",
                        hostname="printer",
                        classes=("unwanted",),
                        never_send=(3,),
                    ),
                    Reservation(client_id="01-02-03-05", address="10.0.0.10"),
                    Reservation(circuit_id="eth0/1"),
                    Reservation(remote_id="0x000c01020304"),
                    Reservation(
                        option="vivso-suboptions", enterprise=3561, suboption="serial-number", option_value="7"
                    ),
                    Reservation(option="badge-doors", option_value=[[2, "10.0.0.78"]]),
                ),
            ),
            Subnet(network="192.0.2.0/25", options={"routers": ["192.0.2.1"]}),
            SharedNetwork(
                name="hall",
                interface="eth2",
                relays=("198.51.100.1",),
                classes=("telephones",),
                boot_file_name="hall.0",
                subnets=(
                    Subnet(
                        network="198.51.100.0/25",
                        pools=("198.51.100.0/25",),
                        reservations=(Reservation(hardware_address="00:0c:01:02:03:05"),),
                    ),
                    Subnet(network="198.51.100.128/25", pools=(Pool(range="198.51.100.128/25"),)),
                ),
            ),
        ),
        defaults=Scope(
            options={
                "domain-name-servers": ["10.0.0.53"],
                "66": "boot.example.org",
                "badge-doors": [[1, "10.0.0.77"]],
            },
            always_send=("domain-name", 42),
            never_send=("wpad",),
            lease_time_s=6000,
            min_lease_time_s=300,
            max_lease_time_s=9000,
            renew_time_s=1000,
            rebind_time_s=3000,
            next_server="10.0.0.5",
            server_name="boot.example.org",
            boot_file_name="pxelinux.0",
        ),
        classes=(
            ClientClass(
                name="telephones",
                test={"any": [{"option": 60, "prefix": "Phone"}, {"option": "badge-doors", "exists": True}]},
                options={"door": {"label": "none"}},
            ),
            ClientClass(name="even", function=is_even, lease_time_s=600),
            ClientClass(name="unwanted", drop=True),
        ),
        reservations=(
            Reservation(
                option=97, option_value="type=0 identifier=00112233445566778899aabbccddeeff", hostname="laptop"
            ),
        ),
        registry=settings.registry,
    )


def test_the_callouts_of_a_windows_machine_are_read_from_its_registrys_export() -> None:
    entry = "C:\\表\\監査.dll"
    callouts = load_config(EXPORTED).callouts
    assert callouts == Registry((entry,), 1, isolations={entry: Isolation("process")})
    assert callouts.source.startswith(str(DATA))
    assert callouts.source.endswith("japanese.reg, " + KEY)


def test_the_callouts_of_this_machine_are_read_from_its_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(("C:\\a.dll",), 1)
    monkeypatch.setattr("dhcpcallout.config.load.read_windows_registry", lambda: registry)
    text = f"callouts.registry = 'windows'\ncallouts.policy = 'all'\n{LEAST}"
    assert parse_config(text, base_directory="/etc/dhcp").callouts == replace(registry, policy="all")


@pytest.mark.skipif(os.name == "nt", reason="there is a registry there")
def test_a_registry_that_there_is_not_is_a_mistake_with_its_line() -> None:
    (problem,) = problems_of(f"callouts.registry-code-page = 932\n{LEAST}")
    assert problem.startswith("dhcp.toml:1: callouts.registry-code-page: is said of no file")
    (problem,) = problems_of(f"callouts.policy = 'all'\ncallouts.registry = 'windows'\n{LEAST}")
    assert problem.startswith(f"dhcp.toml:2: callouts.registry: {KEY}: this system has no registry")


def test_a_mistake_in_an_export_is_one_at_the_line_that_names_it_with_its_own_line(tmp_path: Path) -> None:
    file = tmp_path / "server.reg"
    file.write_text(f'REGEDIT4\n[{KEY}]\n"CalloutEnabled"=x\n')
    with pytest.raises(ConfigError) as raised:
        parse_config(f"[callouts]\nregistry = 'server.reg'\n{LEAST}", base_directory=tmp_path)
    assert str(raised.value).startswith(f"dhcp.toml:2: callouts.registry: {file}:3: is no value")


def test_where_a_list_comes_from_is_known() -> None:
    text = f"callouts.CalloutDlls = ['/a.so']\n{LEAST}"
    assert parse_config(text, base_directory="/etc/dhcp").callouts.source == "dhcp.toml, [callouts]"


def test_no_key_is_left_out_of_that() -> None:
    given: set[tuple[type[Table], str]] = set()

    def look(table: dict[str, Any], kind: type[Table]) -> None:
        for key, value in table.items():
            given.add((kind, key))
            inner = table_of(fields(kind)[key])
            for one in value if isinstance(value, list) else [value]:
                if inner is not None:
                    look(one, inner)

    for file in (EVERYTHING, EXPORTED):
        look(tomllib.loads(file.read_text(encoding="utf-8")), Document)
    kinds = {kind for kind, _ in given}
    elsewhere = {
        kind: {} if kind in (Document, CalloutsTable) else {**fields(ScopeTable), **fields(IsolationTable)}
        for kind in kinds
    }
    own = {(kind, key) for kind in kinds for key in fields(kind) if key not in elsewhere[kind]}
    assert own <= given
    assert kinds >= {table_of(field) for kind in kinds for field in fields(kind).values()} - {None}


def test_what_is_left_out_has_a_default() -> None:
    settings = parse_config(LEAST, base_directory="/etc/dhcp")
    assert settings == Settings(
        file="dhcp.toml",
        base_directory=Path("/etc/dhcp").absolute(),
        interfaces=(),
        listen=(("127.0.0.1", 6767),),
        authoritative=False,
        offer_time_s=30,
        decline_time_s=86400,
        leasequery_relays=(),
        max_parked=256,
        parked_timeout_s=2.0,
        on_timeout="drop",
        store=f"sqlite:{Path('/etc/dhcp').absolute() / 'dhcp-leases.db'}",
        control=control_path("/etc/dhcp/dhcp-leases.db") if HAS_UNIX_SOCKETS else None,
        callouts=Registry((), None, "first"),
        networks=(Subnet(network="10.0.0.0/8"),),
        defaults=Scope(),
        classes=(),
        reservations=(),
        registry=REGISTRY,
    )


@pytest.mark.parametrize("url", ["memory:", f"sqlite:{Path('/var/lib/leases.db').absolute()}"])
def test_a_store_without_a_relative_path_is_left_as_it_is(url: str) -> None:
    assert parse_config(f"leases.store = '{url}'\n{LEAST}", base_directory="/etc/dhcp").store == url


@pytest.mark.parametrize("url", ["memory", "memory:x", "sqlite:", "sqlite", "", "leases.db", "C:\\leases.db"])
def test_a_store_that_is_no_url_is_a_mistake(url: str) -> None:
    (problem,) = problems_of(f"leases.store = '{url}'\n{LEAST}")
    assert problem.startswith(f'dhcp.toml:1: leases.store: "{url}" is not the URL of a lease store')


def test_paths_start_at_the_files_folder_and_not_at_the_process_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "dhcp.toml").write_text(LEAST)
    monkeypatch.chdir(tmp_path)
    settings = load_config("etc/dhcp.toml")
    assert settings.file == "etc/dhcp.toml"
    assert settings.base_directory == tmp_path / "etc"
    assert settings.store == f"sqlite:{tmp_path / 'etc' / 'dhcp-leases.db'}"


@pytest.mark.parametrize("file", sorted((DATA / "bad").glob("*.toml")), ids=lambda file: file.name)
def test_every_mistake_is_reported_with_its_line_in_the_files_order(file: Path) -> None:
    expected = [
        f"{file}:{number}: {problem}"
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for problem in line.split(" # ! ")[1:]
    ]
    with pytest.raises(ConfigError) as raised:
        load_config(file)
    found = str(raised.value).splitlines()
    assert len(found) == len(expected)
    for line, whole in zip(found, expected, strict=True):
        beginning = whole.removesuffix(" ...")  # the rest is another module's to say
        assert line == whole if beginning == whole else line.startswith(beginning)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[server]\nlisten = [\n", "dhcp.toml:2: Invalid value"),
        ("[server]\nlisten = \n[leases]\n", "dhcp.toml:2: Invalid value"),
        ("a = 1\nb = 2 c = 3\n", "dhcp.toml:2: Expected newline or end of document after a statement"),
        ("x = 1\n\n[server]\nx = [\n1]\nx = [\n2\n]", "dhcp.toml:6: server.x: is given twice, first on line 4"),
        ("[[subnet]]\n[leases]\n[leases]\n", "dhcp.toml:3: leases: is given twice, first on line 2"),
        ("[options]\n'a b' = 1\n\"a b\" = 1", 'dhcp.toml:3: options."a b": is given twice, first on line 2'),
        ("a.b = 1\n[a]\n", "dhcp.toml:2: Cannot declare ('a',) twice"),
        (f"x = {'9' * 5000}", re.compile("dhcp.toml: Exceeds the limit .* for integer string conversion.*")),
        ("x = " + "[" * 100_000 + "]" * 100_000, "dhcp.toml: arrays or tables are nested too deeply"),
        (".".join(["x"] * 5_000) + " = 1", "dhcp.toml: arrays or tables are nested too deeply"),
    ],
)
def test_what_is_not_toml_is_a_mistake_with_its_line(text: str, problem: str | re.Pattern[str]) -> None:
    (found,) = problems_of(text)
    assert re.fullmatch(problem, found) if isinstance(problem, re.Pattern) else found == problem


def test_an_empty_file_lacks_where_to_listen_and_a_subnet() -> None:
    assert problems_of("") == [
        'dhcp.toml:1: server: needs interfaces, such as ["eth1"], or listen, such as ["127.0.0.1:6767"]',
        "dhcp.toml:1: subnet: is missing: at least one [[subnet]] is needed, to say which addresses there are",
    ]


def test_where_to_listen_is_missed_where_the_table_is() -> None:
    (problem,) = problems_of('[[subnet]]\nnetwork = "10.0.0.0/8"\n\n[server]\nlisten = []\n')
    assert problem.startswith("dhcp.toml:4: server: needs interfaces")


@pytest.mark.parametrize("server", ['listen = ["x"]', "listen = 3", 'lisen = ["10.0.0.1"]', 'interface = ["eth1"]'])
def test_nothing_is_called_missing_that_is_only_wrong(server: str) -> None:
    (problem,) = problems_of(f"[server]\n{server}\n[[subnet]]\nnetwork = '10.0.0.0/8'")
    assert problem.startswith("dhcp.toml:2: server.")


def test_a_misspelt_table_hides_no_mistake_in_it() -> None:
    assert problems_of(
        'server.listen = ["10.0.0.1"]\n[[subnets]]\nnetwork = 10\n[[subnets]]\nnetwrk = "10.0.0.1/8"'
    ) == [
        "dhcp.toml:2: subnets: unknown key; did you mean subnet?",
        'dhcp.toml:3: subnets[0].network: must be a string, such as "10.0.0.0/8"; this is an integer',
        "dhcp.toml:5: subnets[1].netwrk: unknown key; did you mean network?",
        "dhcp.toml:5: subnets[1].netwrk: 10.0.0.1/8 has host bits set; a network is written as 10.0.0.0/8",
    ]


def test_two_keys_that_may_be_the_same_one_misspelt_are_both_reported() -> None:
    assert [problem.split(":")[1] for problem in problems_of(LEAST + "lease-tim = 1\nlease-timee = true\n")] == [
        "6",
        "7",
    ]


def test_what_the_file_says_cannot_break_the_line_that_reports_it() -> None:
    listen, unknown = problems_of(LEAST.replace("127.0.0.1:6767", r"\n\u001b[31m\u2028é") + '"a\\nb" = 1\n')
    assert listen.startswith(r'dhcp.toml:2: server.listen[0]: "\n\x1b[31m\u2028é" is not an address')
    assert unknown.startswith(r'dhcp.toml:6: subnet[0]."a\nb": unknown key')


def test_a_file_with_a_byte_order_mark_loads(tmp_path: Path) -> None:
    file = tmp_path / "dhcp.toml"
    file.write_bytes(b"\xef\xbb\xbf" + LEAST.replace("\n", "\r\n").encode())
    assert load_config(file).listen == (("127.0.0.1", 6767),)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"# caf\xc3\xa9\r\n# caf\xe9\r\n", ":2: byte 0xe9 is not UTF-8, which TOML is written in"),
        (LEAST.encode("utf-16"), ":1: byte 0xff is not UTF-8, which TOML is written in"),
    ],
)
def test_a_file_that_is_not_utf_8_is_a_mistake_at_the_line_of_the_first_such_byte(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / "dhcp.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load_config(file)
    assert str(raised.value) == f"{file}{problem}"


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path, name: str) -> None:
    file = os.fspath(tmp_path / name)
    with pytest.raises(ConfigError) as raised:
        load_config(file)
    assert str(raised.value).startswith(f"{file}: ")


# A file's lines; those that can be wrong with a wrong one, and with what must then be said of it.
_LINES = [
    ("[server]", "[sever]", "sever: unknown key; did you mean server?"),
    ('listen = ["10.0.0.1",', 'lisen = ["10.0.0.1",', "lisen: unknown key; did you mean listen?"),
    ('  "10.0.0.2"]', '  "x"]', '[1]: "x" is not an address and a port'),
    ("max-parked = 9", "max-parked = 0", "max-parked: 0 is less than 1"),
    ("[options]",),
    ('routers = ["10.0.0.1"]', 'routrs = ["10.0.0.1"]', "options.routrs: there is no option 'routrs'"),
    ("[[subnet]]",),
    ('network = "10.0.0.0/8"', 'netwrok = "10.0.0.0/8"', "subnet[0].netwrok: unknown key; did you mean network?"),
    ("lease-time = 4000", "lease-time = 4000.0", "subnet[0].lease-time: must be an integer"),
    ('pools = ["10.1.0.0/16",', 'pools = ["10.1.0.0/33",', "subnet[0].pools[0]: '33' is not a valid netmask"),
    ('  "10.2.0.0/16",', "  10.2,", "subnet[0].pools[1]: must be a string"),
    ('  "10.3.0.0/16"]', '  "11.3.0.0/16"]', "subnet[0].pools[2]: 11.3.0.0/16 is not within 10.0.0.0/8"),
    ("[subnet.options]",),
    ("interface-mtu = 1500", "interface-mtu = 150000", "subnet[0].options.interface-mtu: "),
    ("[[subnet.reservation]]",),
    ('hardware-address = "00:0c"', 'hardware-address = "0"', "subnet[0].reservation[0].hardware-address: '0' is not"),
    ('address = "10.0.0.9"',),
    (
        "hostname = 'printer'",
        "hostnmae = 'printer'",
        "subnet[0].reservation[0].hostnmae: unknown key; did you mean hostname?",
    ),
    ("classes = [",),
    ("  'staff',", "  'stuff',", "subnet[0].reservation[0].classes[0]: there is no class 'stuff'; is 'staff' meant?"),
    ("]",),
    ("[[subnet.pool]]",),
    ("range = '10.4.0.0/16'", "range = '10.4.0.0/7'", "subnet[0].pool[0].range: 10.4.0.0/7 has host bits set"),
    ("rebind-time = 60", "rebind-time = 1", "subnet[0].pool[0].rebind-time: 1 is not 2 to 4294967295 seconds"),
    ("[[option-definition]]",),
    ("code = 224", "code = 255", "option-definition[0].code: 255 is not a code from 1 to 254"),
    ("name = 'asset-tag'",),
    ("type = 'string'", "type = 'text'", "option-definition[0].type: 'text' is not a type"),
    ("[[class]]",),
    ("name = 'staff'",),
    ("drop = false", "drop = 0", "class[0].drop: must be a boolean"),
    ("[class.test]",),
    ("option = 'asset-tag'",),
    ("equals = 'STAFF'", "equal = 'STAFF'", "class[0].test.equal: a test has no 'equal'; is 'equals' meant?"),
    ("[[shared-network]]",),
    ("name = 'hall'", "nmae = 'hall'", "shared-network[0].nmae: unknown key; did you mean name?"),
    ("relays = ['192.0.2.1']", "relays = ['192.0.2']", "shared-network[0].relays[0]: Expected 4 octets in '192.0.2'"),
    ("[[shared-network.subnet]]",),
    ('network = "203.0.113.0/24"', 'network = "203.0.113.0/23"', "shared-network[0].subnet[0].network: 203.0.113.0/23"),
    ("[[subnet]]",),
    ('network = "192.0.2.0/24"', "network = 192", "subnet[1].network: must be a string"),
    ("[[subnet]]",),
    ('network = "198.51.100.0/24"', 'network = "198.51.100.1/24"', "subnet[2].network: 198.51.100.1/24 has host bits"),
]


@given(st.lists(st.booleans(), min_size=len(_LINES), max_size=len(_LINES)))
def test_no_mistake_hides_another(wrong: list[bool]) -> None:
    text, expected = "", []
    for number, (line, is_wrong) in enumerate(zip(_LINES, wrong, strict=True), 1):
        is_wrong = is_wrong and len(line) > 1
        text += line[is_wrong] + "\n"
        if is_wrong:
            expected.append((number, line[-1]))
    try:
        parse_config(text, base_directory="/etc/dhcp")
        problems: tuple[Problem, ...] = ()
    except ConfigError as error:
        problems = error.problems
    assert [problem.line for problem in problems] == [number for number, _ in expected]
    for problem, (_, beginning) in zip(problems, expected, strict=True):
        assert beginning in str(problem)


_KEYS = st.sampled_from(
    [
        *("server", "listen", "interfaces", "authoritative", "leases", "store"),
        *("callouts", "CalloutEnabled", "CalloutDlls", "policy", "options", "routers", "3", "domain-name"),
        *("subnet", "network", "pools", "lease-time", "interface"),
        *("reservation", "hardware-address", "address", "adress", "option", "option-value", "suboption", "circuit-id"),
        *(
            "pool",
            "range",
            "classes",
            "exclude",
            "relays",
            "shared-network",
            "class",
            "name",
            "test",
            "function",
            "drop",
        ),
        *("field", "equals", "all", "option-definition", "code", "type", "record", "array", "space", "encapsulates"),
        *("always-send", "max-lease-time", "next-server", "parked-timeout", "leasequery-relays"),
    ]
) | st.text("a.[]0\"' ", max_size=3)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats(0, 1e6)
    | st.text('ab0.:/-" \n', max_size=6)
    | st.sampled_from(["10.0.0.0/8", "10.1.0.0-10.1.0.9", "00:0c:01:02:03:04", "10.0.0.9", "sqlite:x", "all", "é"])
    | st.sampled_from([82, 224, "circuit-id", "python:os:getcwd", "string", "acme", "host-name", "ALL", "vendor-9"]),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(_KEYS, values, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=5), st.sampled_from(["", LEAST]))
def test_any_toml_gives_settings_or_mistakes_with_a_line_each(tables: dict[str, Any], least: str) -> None:
    taken = ("server", "subnet") if least else ()
    pairs = [f"{as_key(key)} = {as_toml(value)}\n" for key, value in tables.items() if key not in taken]
    text = "".join(pairs) + least
    problems: tuple[Problem, ...] = ()
    try:
        parse_config(text, base_directory="/etc/dhcp")
    except ConfigError as error:
        problems = error.problems
    lines = [problem.line or 0 for problem in problems]
    assert lines == sorted(lines)
    assert all(1 <= line <= max(1, text.count("\n")) for line in lines)
    assert all(len(str(problem).splitlines()) == 1 for problem in problems)


def test_the_package_alone_loads_nothing_of_the_configuration() -> None:
    code = "import sys, dhcpcallout; print([name for name in sys.modules if 'pydantic' in name or '.config' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


_TABLES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "subnet": st.lists(st.dictionaries(_KEYS, _VALUES, max_size=4), max_size=2),
        "shared-network": st.lists(st.dictionaries(_KEYS, _VALUES, max_size=4), max_size=2),
        "class": st.lists(st.dictionaries(_KEYS, _VALUES, max_size=4), max_size=2),
        "reservation": st.lists(st.dictionaries(_KEYS, _VALUES, max_size=4), max_size=2),
        "option-definition": st.lists(st.dictionaries(_KEYS, _VALUES, max_size=4), max_size=2),
    },
)


@given(_TABLES)
def test_any_tables_of_the_right_names_give_settings_or_mistakes(tables: dict[str, Any]) -> None:
    for kind in ("class", "shared-network", "option-definition"):
        for number, table in enumerate(tables.get(kind, [])):
            if number:  # the first may lack it
                table.setdefault("name", f"name-{number}")
            if kind == "option-definition":
                table.setdefault("code", 224 + number)
    for table in tables.get("subnet", []):
        table.setdefault("network", "10.0.0.0/8")
    text = "server.listen = ['10.0.0.1']\n"
    text += "".join(f"{as_key(key)} = {as_toml(value)}\n" for key, value in tables.items())
    try:
        settings = parse_config(text, base_directory="/etc/dhcp")
    except ConfigError:
        return
    settings.plan()  # which must not find anything that was not told


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("server.control = ''", None),
        ("server.control = 'run/c'", Path("/etc/dhcp/run/c")),
        ("server.control = '/run/c'\nleases.store = 'memory:'", Path("/run/c")),
        ("leases.store = 'memory:'", None),
        ("leases.store = 'sqlite:/var/x.db'", Path("/var/x.db-control") if HAS_UNIX_SOCKETS else None),
    ],
)
def test_the_control_socket_is_beside_the_lease_file_or_where_it_is_said_to_be(
    lines: str, expected: Path | None
) -> None:
    text = f"server.listen = ['127.0.0.1:6767']\n{lines}\n[[subnet]]\nnetwork = '10.0.0.0/8'\n"
    assert parse_config(text, base_directory="/etc/dhcp").control == expected
