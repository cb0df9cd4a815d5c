"""Who may do what at the broker, and the files that say so."""

import re
from pathlib import Path

import pytest
from paho.mqtt.client import topic_matches_sub

from config.broker_access import CONSOLE, OPERATIONS, Access, access_of, shares_a_certificate
from config.broker_files import emqx_acl, emqx_conf, mosquitto_acl, mosquitto_conf
from config.clients import client_ids
from config.loader import load, load_text
from config.schema import Configuration, Handheld
from edge.clearance.authority_link import grant_topic, request_topic
from edge.clearance.confirm_desk import answer_topic, challenge_topic
from edge.telemetry.topics import LaneTopics

EXAMPLES = Path(__file__).resolve().parents[2] / "config" / "examples"
TLS = '{host: b, tls: {ca_file: ca.pem, cert_file: "tls/{client}.pem", key_file: "tls/{client}.key"}}'


def yard(*lanes: str, broker: str = "{host: 127.0.0.1}", site: str = "yard", more: str = "") -> Configuration:
    text = f"site: {site}\nstate_dir: state\nkeys_dir: keys\nbroker: {broker}\n"
    text += "authorities: [{id: customs}, {id: port}]\nlanes:\n"
    for number, lane in enumerate(lanes):
        text += f"""
  - id: {lane}
    direction: in
    barrier: {{id: barrier-{number}, host: 127.0.0.1, port: {5020 + number}}}
    tag_reader: {{id: reader-{number}, port: /dev/ttyUSB{number}}}
    must_match: [tag]
{more}"""
    loaded = load_text(text)
    assert isinstance(loaded, Configuration), loaded
    return loaded


def may(access: Access, action: str, topic: str, *, retain: bool = False) -> bool:
    filters = access.reads if action == "read" else access.retains | (set() if retain else access.writes)
    return any(topic_matches_sub(one, topic) for one in filters)


def test_each_connection_of_a_lane_may_do_what_the_product_does_with_it():
    access = access_of([yard("in-1", "in-2")])
    topics = LaneTopics("yard", "in-1")
    asking, telling = access["yard-in-1-clearance"], access["yard-in-1-telemetry"]
    assert may(asking, "write", request_topic("yard", "in-1", "customs"))
    assert may(asking, "read", grant_topic("yard", "in-1", "port"))
    for topic in (topics.availability, topics.state, topics.health, topics.alarm("ack_ahead")):
        assert may(telling, "write", topic, retain=True)
    for topic in (topics.event("passage_ended"), topics.passage("customs")):
        assert may(telling, "write", topic)
        assert not may(telling, "write", topic, retain=True)
    assert may(telling, "read", topics.acknowledgement)
    assert topics.alarms in telling.reads, "a subscription must be allowed as it is asked for"


@pytest.mark.hazard("S4", "S5")
def test_nobody_may_do_what_is_another_s():
    access = access_of([yard("in-1", "in-2")])
    grant, request = grant_topic("yard", "in-1", "customs"), request_topic("yard", "in-1", "customs")
    passage = LaneTopics("yard", "in-1").passage("customs")
    assert [name for name, one in access.items() if may(one, "write", grant)] == ["authority.customs"]
    assert [name for name, one in access.items() if may(one, "read", request)] == ["authority.customs"]
    assert [name for name, one in access.items() if may(one, "read", passage)] == ["authority.customs"]
    assert [name for name, one in access.items() if may(one, "write", "gate/v1/yard/in-1/ack")] == [OPERATIONS]
    assert [name for name, one in access.items() if may(one, "write", request)] == ["yard-in-1-clearance"]
    drill = "gate/v1/yard/in-1/drill/customs/grant"
    assert [name for name, one in access.items() if may(one, "write", drill)] == ["clerk.customs"]
    assert access[CONSOLE].writes == access[CONSOLE].retains == set()
    for one in access.values():
        assert not {topic for topic in one.writes | one.retains | one.reads if "%" in topic or topic.startswith("#")}


@pytest.mark.hazard("S4", "S5")
@pytest.mark.threat("masquerade", "handheld")
def test_handheld_terminals_answer_challenges_of_their_lanes_and_do_nothing_else():
    plain = yard("in-1", "in-2")
    first = plain.lanes[0].model_copy(update={"handheld": Handheld(authority="customs")})
    access = access_of([plain.model_copy(update={"lanes": (first, plain.lanes[1])})])
    for drill in (False, True):
        asked = challenge_topic("yard", "in-1", "customs", drill=drill)
        answered = answer_topic("yard", "in-1", "customs", drill=drill)
        assert [name for name, one in access.items() if may(one, "write", asked)] == ["yard-in-1-clearance"]
        assert [name for name, one in access.items() if may(one, "read", asked)] == ["handheld.customs"]
        assert [name for name, one in access.items() if may(one, "write", answered)] == ["handheld.customs"]
        assert [name for name, one in access.items() if may(one, "read", answered)] == ["yard-in-1-clearance"]
        assert not may(access["handheld.customs"], "write", answered, retain=True)
        assert not may(access["handheld.customs"], "read", challenge_topic("yard", "in-2", "customs", drill=drill))
    assert not may(access["handheld.customs"], "write", grant_topic("yard", "in-1", "customs"))
    assert "handheld.customs" not in access_of([plain])


@pytest.mark.parametrize(("setting", "word"), [("sampling", "sampling"), ("limited_offline", "list")])
def test_what_is_issued_to_a_lane_comes_from_its_one_authority_and_may_be_retained(setting: str, word: str):
    issued = yard("in-1", more=f"    {setting}: {{authority: customs}}\n")
    for config, lanes in ((issued, ["yard-in-1-clearance"]), (yard("in-1"), [])):
        access, topic = access_of([config]), f"gate/v1/yard/in-1/clearance/customs/{word}"
        writers = [name for name, one in access.items() if may(one, "write", topic, retain=True)]
        assert writers == (["authority.customs"] if lanes else [])
        assert [name for name, one in access.items() if may(one, "read", topic)] == lanes


@pytest.mark.hazard("S6")
def test_a_name_of_one_role_can_never_be_an_id_of_another():
    access = access_of([yard("authority-customs", "central-ops")])
    assert len({name for name in access if "." not in name}) == 4
    assert {name.split(".")[0] for name in access if "." in name} == {"authority", "clerk", "central"}


def test_two_boxes_of_one_broker_and_two_sites_share_the_files():
    access = access_of([yard("in-1"), yard("in-2"), yard("in-1", site="port")])
    assert {"yard-in-1-clearance", "yard-in-2-clearance", "port-in-1-clearance"} < set(access)
    assert access["authority.customs"].writes == {
        f"gate/v1/{site}/+/clearance/customs/{word}" for site in ("yard", "port") for word in ("grant", "result")
    }


def test_a_user_name_is_shared_or_one_for_each_connection():
    one = access_of([yard("in-1", broker="{host: 127.0.0.1, username: box, password_file: p}")])
    assert len(one["box"].writes) == len(access_of([yard("in-1")])["yard-in-1-clearance"].writes) + 3
    each = yard("in-1", broker='{host: 127.0.0.1, username: "u.{client}", password_file: "p/{client}"}')
    assert {f"u.{client}" for client in client_ids(each)} < set(access_of([each]))


def test_one_certificate_for_two_connections_is_told():
    assert not shares_a_certificate(yard("in-1"))
    assert not shares_a_certificate(yard("in-1", broker=TLS))
    assert shares_a_certificate(yard("in-1", broker="{host: b, tls: {ca_file: c, cert_file: one.pem, key_file: k}}"))


@pytest.mark.hazard("S6")
def test_mosquitto_s_list_names_users_and_no_pattern():
    text = mosquitto_acl(access_of([yard("in-1")]))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(
        re.fullmatch(r"user [A-Za-z0-9._-]+|topic (read|write) gate/v1/[A-Za-z0-9_/+#-]+", line) for line in lines
    )
    assert "pattern" not in text
    assert lines[0].startswith("user "), "a topic before the first user would be for everybody"


# EMQX's documentation, "Use ACL File": {permission, who, action, topics}. with Erlang strings.
EMQX_RULE = re.compile(
    r'\{allow, \{username, "[A-Za-z0-9._-]+"\}, (?:publish|subscribe|\{publish, \[\{retain, false\}\]\}), '
    r'\["gate/v1/[^"\\]+"(?:, "gate/v1/[^"\\]+")*\]\}\.'
)


def test_emqx_s_list_keeps_to_its_grammar_and_denies_the_rest():
    access = access_of([yard("in-1", "in-2")])
    lines = [line for line in emqx_acl(access).splitlines() if not line.startswith("%%")]
    assert lines[-1] == "{deny, all}."
    assert all(EMQX_RULE.fullmatch(line) for line in lines[:-1])
    # EMQX expands ${...} and knows "eq": neither may come from an id.
    assert not [line for line in lines if "$" in line or '"eq ' in line]
    told = {re.search(r'username, "([^"]+)"', line)[1] for line in lines[:-1]}  # type: ignore[index]
    assert told == set(access)
    retained = [line for line in lines if "yard-in-1-telemetry" in line and ", publish, " in line]
    assert "availability" in retained[0]
    assert "event/" not in retained[0]


@pytest.mark.parametrize("text", [emqx_conf("/x", port=8883), mosquitto_conf("/x", port=8883, passwords=True)])
def test_settings_have_balanced_brackets_and_no_anonymous_client(text):
    for opening, closing in ("{}", "[]"):
        assert text.count(opening) == text.count(closing)
    assert "allow_anonymous true" not in text
    assert ("fail_if_no_peer_cert = true" in text) or ("require_certificate true" in text)


def test_the_example_has_a_certificate_for_each_connection():
    loaded = load(EXAMPLES / "lane.yaml")
    assert isinstance(loaded, Configuration)
    assert not shares_a_certificate(loaded)
