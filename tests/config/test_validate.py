import datetime as dt
from typing import Any

import pytest

from dhcpcallout.config.validate import validate


def test_data_without_mistakes_is_left_as_it_is() -> None:
    validated = validate({"subnet": [{"network": "10.0.0.0/8", "pools": ["a", "b"]}]})
    assert validated.mistakes == []
    assert [table.pools for table in validated.document.subnet] == [["a", "b"]]
    assert all(place == origin for place, origin in validated.origins.items())
    assert ("subnet", 0, "pools", 1) in validated.origins


def test_what_is_wrong_is_left_out_and_the_rest_knows_where_it_was() -> None:
    validated = validate({"subnet": [7, {"netwrok": "10.0.0.0/8", "pools": [1, "a", 2, "b"]}, 3]})
    (subnet,) = validated.document.subnet
    assert (subnet.network, subnet.pools) == ("10.0.0.0/8", ["a", "b"])
    assert validated.origins["subnet", 0] == ("subnet", 1)
    assert validated.origins["subnet", 0, "network"] == ("subnet", 1, "netwrok")
    assert validated.origins["subnet", 0, "pools", 1] == ("subnet", 1, "pools", 3)
    assert [place for place, _ in validated.mistakes] == [
        ("subnet", 0),
        ("subnet", 1, "pools", 0),
        ("subnet", 1, "pools", 2),
        ("subnet", 1, "netwrok"),
        ("subnet", 2),
    ]


@pytest.mark.parametrize("table", [{"pools": ["a"]}, {"network": 5, "pools": ["a"]}, {"netwrok": 5, "pools": ["a"]}])
def test_a_table_that_lacks_a_text_is_kept_with_an_empty_one(table: dict[str, Any]) -> None:
    validated = validate({"subnet": [{"network": "10.0.0.0/8"}, table]})
    assert [(subnet.network, subnet.pools) for subnet in validated.document.subnet] == [("10.0.0.0/8", []), ("", ["a"])]
    assert validated.stand_ins == {("subnet", 1, "network")}
    assert validated.origins["subnet", 1, "network"] == ("subnet", 1, "network")
    assert {place[:2] for place, _ in validated.mistakes} == {("subnet", 1)}


def test_a_table_that_lacks_a_number_is_left_out() -> None:
    validated = validate({"option-definition": [{"name": "a"}, {"name": "b", "code": 224}]})
    assert [table.name for table in validated.document.option_definition] == ["b"]
    assert validated.stand_ins == set()


def test_a_key_is_meant_for_one_that_is_not_there_yet() -> None:
    validated = validate({"leases": {"store": "memory:", "stor": "memory:"}})
    assert validated.mistakes == [(("leases", "stor"), "unknown key; the keys here are store")]


def test_what_two_keys_seem_to_mean_is_read_from_the_first() -> None:
    validated = validate({"leases": {"stores": "memory:", "stor": 5}})
    assert validated.document.leases.store == "memory:"
    assert [place for place, _ in validated.mistakes] == [("leases", "stores"), ("leases", "stor")]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "a boolean"),
        (1, "an integer"),
        (1.5, "a float"),
        ([], "an array"),
        ({}, "a table"),
        (dt.date(2000, 1, 1), "a date or time"),
        (dt.datetime(2000, 1, 1, tzinfo=dt.UTC), "a date or time"),
        (dt.time(1), "a date or time"),
    ],
)
def test_a_wrong_type_is_called_by_its_name_in_toml(value: Any, kind: str) -> None:
    ((_, problem),) = validate({"leases": {"store": value}}).mistakes
    assert problem == f'must be a string, such as "sqlite:leases.db"; this is {kind}'


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"server": []}, "must be a table, under [server]; this is an array"),
        ({"subnet": {}}, "must be an array of tables, each under [[subnet]]; this is a table"),
        ({"subnet": ["x"]}, "must be a table, under [[subnet]]; this is a string"),
        ({"options": "x"}, 'must be a table, such as { domain-name-servers = ["10.0.0.53"] }; this is a string'),
        ({"callouts": {"CalloutEnabled": -1}}, "-1 is less than 0"),
        ({"callouts": {"CalloutEnabled": 2**32}}, "4294967296 is more than 4294967295"),
        ({"server": {"parked-timeout": "2"}}, "must be a number, such as 0.5; this is a string"),
        ({"server": {"parked-timeout": 3601}}, "3601 is more than 3600"),
        ({"server": {"parked-timeout": -0.5}}, "-0.5 is not more than 0"),
        ({"server": {"parked-timeout": float("inf")}}, "must be a number that is finite, such as 0.5; this is a float"),
        ({"never-send": [{}]}, 'must be a string or an integer, such as "routers"; this is a table'),
        ({"callouts": {"policy": 1}}, "must be 'first' or 'all'"),
    ],
)
def test_a_wrong_value_is_told_what_would_be_right(data: dict[str, Any], problem: str) -> None:
    ((_, found),) = validate(data).mistakes
    assert found == problem
