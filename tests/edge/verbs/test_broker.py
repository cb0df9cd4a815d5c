from pathlib import Path

from edge.verbs.broker import main

EXAMPLES = Path(__file__).resolve().parents[3] / "config" / "examples"


def test_it_writes_the_files_of_both_brokers_and_names_the_identities(tmp_path, capsys):
    assert main([str(EXAMPLES / "lane.yaml"), "--out", str(tmp_path)]) == 0
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"mosquitto/acl", "mosquitto/mosquitto.conf", "emqx/acl.conf", "emqx/emqx.conf"}
    assert "north-gate-in-1-clearance" in capsys.readouterr().out
    # With certificates there is no listener without them.
    assert "1883" not in (tmp_path / "mosquitto" / "mosquitto.conf").read_text()


def test_one_certificate_for_all_connections_is_refused_with_the_way_out(tmp_path, capsys):
    text = (EXAMPLES / "lane.yaml").read_text(encoding="utf-8").replace("{client}", "lane")
    config = tmp_path / "kakou.yaml"
    config.write_text(text, encoding="utf-8")
    assert main([str(config), "--out", str(tmp_path / "out")]) == 78
    assert "{client}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_bad_configuration_is_told(tmp_path, capsys):
    assert main([str(tmp_path / "none.yaml"), "--out", str(tmp_path)]) == 78
    assert "file_missing" in capsys.readouterr().err


def test_lanes_without_certificates_get_a_listener_on_the_loopback(tmp_path):
    assert main([str(EXAMPLES / "demo.yaml"), "--out", str(tmp_path)]) == 0
    text = (tmp_path / "mosquitto" / "mosquitto.conf").read_text()
    assert "listener 1883 127.0.0.1" in text
    assert "listener 8883" in text
