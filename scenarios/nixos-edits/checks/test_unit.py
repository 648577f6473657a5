"""The changed unit has run."""


def test_unit(host):
    assert host.service("report").is_running
    assert host.file("/run/report").content_string.strip() == "edited"
